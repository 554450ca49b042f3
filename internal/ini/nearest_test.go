package ini

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"command", "autostart", "autorestart", "startsecs", "startretries", "stopsignal", "user", "umask"}
	for _, c := range []struct{ word, want string }{
		{"startsec", "startsecs"},
		{"startsecs", "startsecs"},
		{"Start_Secs", "startsecs"},
		{"comand", "command"},
		{"commmand", "command"},
		{"ocmmand", "command"}, // a swap is one change
		{"autorstart", "autostart"},
		{"autorestrat", "autorestart"},
		{"usr", "user"},
		{"umaks", "umask"},
		{"uesr", "user"},
		{"ser", "user"},
		{"us", ""}, // two changes in a short word
		{"stdout_logfile", ""},
		{"x", ""},
		{"", ""},
	} {
		if got := Nearest(c.word, known); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}

func TestNearestKeepsTheFirst(t *testing.T) {
	t.Parallel()
	if got := Nearest("cat", []string{"dog", "bat", "cut"}); got != "bat" {
		t.Errorf("Nearest(cat) = %q, want bat", got)
	}
	if got := Nearest("naïve", []string{"naive"}); got != "naive" {
		t.Errorf("Nearest(naïve) = %q: characters are what counts, not bytes", got)
	}
}
