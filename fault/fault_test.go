package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		code Code
		text string
	}{
		{New(BadName, "web:nginx"), 10, "BAD_NAME: web:nginx"},
		{New(BadName, ""), 10, "BAD_NAME: "}, // an empty name still shows the colon
		{Bare(ShutdownState), 6, "SHUTDOWN_STATE"},
		{Errorf(Failed, "%d of %d", 1, 2), 30, "FAILED: 1 of 2"},
		{New(NotInWhitelist, "log"), 230, "UNKNOWN: log"},
		{New(NotPermitted, "a"), 240, "NOT_PERMITTED: a"},
		{New(Conflict, "a"), 241, "CONFLICT: a"},
		{New(NotSaved, "a"), 242, "NOT_SAVED: a"},
		{fmt.Errorf("while adding: %w", New(StillRunning, "a")), 91, "STILL_RUNNING: a"},
		{errors.New("disk full"), 30, "FAILED: disk full"},
	} {
		f := From(tt.err)
		if f.Code != tt.code || f.Error() != tt.text {
			t.Errorf("From(%v) = %d %q, want %d %q", tt.err, f.Code, f, tt.code, tt.text)
		}
	}
	if err := fmt.Errorf("x: %w", Bare(NoFile)); !Is(err, NoFile) || Is(err, Failed) || Is(nil, NoFile) {
		t.Error("Is does not tell faults apart")
	}
}
