#!/bin/sh
# What a user of Debian's supervisor does on the day of the change, and later.
# It runs in a sandbox; the arguments are two versions of our package.
set -eu
first=$1 second=$2
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd /
# Containers often forbid all starts, and have no runlevel to start anything in.
rm -f /usr/sbin/policy-rc.d /sbin/runlevel
printf '#!/bin/sh\necho N 2\n' >/sbin/runlevel
chmod +x /sbin/runlevel

step() { echo "== $*"; }
fail() {
	echo "FAIL: $*" >&2
	tail -n 20 /var/log/supervisor/supervisord.log >&2 || true
	exit 1
}
# until_state waits for a program: until it is in a state, but not for ever.
until_state() {
	n=0
	until supervisorctl status "$1" | grep -q "$2"; do
		n=$((n + 1))
		[ $n -lt 100 ] || fail "$1 is not $2: $(supervisorctl status)"
		sleep 0.1
	done
}
gone() {
	n=0
	while [ -e /run/supervisord.pid ]; do
		n=$((n + 1))
		[ $n -lt 100 ] || fail "supervisord still runs"
		sleep 0.1
	done
}

step "a configuration of the user's own, under the original"
rm -f /etc/supervisor/conf.d/*
mkdir -p /var/log/supervisor /etc/supervisor/conf.d
printf '\n[group:mine]\nprograms=cat\n' >>/etc/supervisor/supervisord.conf
printf 'DAEMON_OPTS="--identifier=kept"\n' >/etc/default/supervisor
cat >/etc/supervisor/conf.d/cat.conf <<'TEXT'
[program:cat]
command=/bin/cat
TEXT
echo old >/var/log/supervisor/old.log
before=$(cat /etc/supervisor/supervisord.conf /etc/supervisor/conf.d/cat.conf /etc/default/supervisor | sha256sum)
unchanged() {
	after=$(cat /etc/supervisor/supervisord.conf /etc/supervisor/conf.d/cat.conf /etc/default/supervisor | sha256sum)
	[ "$before" = "$after" ] || fail "the configuration changed: $1"
	[ -e /var/log/supervisor/old.log ] || fail "a log went: $1"
}
/etc/init.d/supervisor start
until_state mine:cat RUNNING

step "the change"
dpkg -i "$first" </dev/null
unchanged "install"
dpkg -s supervisor 2>/dev/null | grep -q '^Status: install ok installed' && fail "Debian's supervisor is still installed"
[ -e /usr/lib/python3/dist-packages/supervisor/supervisord.py ] && fail "the Python program is still there"
for link in supervisorctl pidproxy echo_supervisord_conf; do
	[ "$(readlink /usr/bin/$link)" = supervisord ] || fail "$link is no link"
done
[ -x /etc/init.d/supervisor ] || fail "the init script can't be executed"
[ -s /lib/systemd/system/supervisor.service ] || fail "there is no unit"
[ -d /run/systemd/system ] || until_state mine:cat RUNNING # the postinst has started it
supervisorctl pid >/dev/null
[ "$(readlink /proc/"$(supervisorctl pid)"/exe)" = /usr/bin/supervisord ] || fail "it is not ours that runs"
tr '\0' ' ' </proc/"$(supervisorctl pid)"/cmdline | grep -q -- '--identifier=kept' || fail "DAEMON_OPTS did not count"

step "what the links do"
echo_supervisord_conf >/tmp/sample.conf
grep -q '^\[unix_http_server\]' /tmp/sample.conf || fail "no sample"
supervisord -t -c /tmp/sample.conf || fail "the sample does not load"
pidproxy && fail "pidproxy without arguments succeeds"
pidproxy /nonexistent /bin/sh -c 'exit 3' && fail "pidproxy loses the status" || [ $? -eq 3 ]

step "an upgrade"
old=$(supervisorctl pid)
dpkg -i "$second" </dev/null
unchanged "upgrade"
until_state mine:cat RUNNING
[ "$(supervisorctl pid)" != "$old" ] || fail "the upgrade did not restart supervisord"
/etc/init.d/supervisor status

step "removal keeps the configuration"
dpkg -r twiddler
gone
unchanged "removal"
[ ! -e /usr/bin/supervisorctl ] || fail "a link is left"

step "and it is there again at once"
dpkg -i "$second" </dev/null
unchanged "second installation"
until_state mine:cat RUNNING

step "purge"
dpkg --purge twiddler
gone
[ ! -e /etc/supervisor/supervisord.conf ] || fail "the configuration is left"
[ -e /etc/supervisor/conf.d/cat.conf ] || fail "a file that the user made went"

step "an installation where nothing was"
dpkg -i "$second" </dev/null
until_state cat RUNNING
supervisord -t -c /etc/supervisor/supervisord.conf || fail "our configuration does not load"
/etc/init.d/supervisor stop
gone
step done
