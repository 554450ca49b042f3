package httpd

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How many log-ins of one source may fail.
const (
	maxFailures   = 5
	failureWindow = time.Minute
	blockTime     = time.Minute // nothing is checked for so long
	maxSources    = 4096        // that are remembered
	prefixIPv6    = 64          // bits: whoever has one such address has them all
)

// A source is where log-ins come from: an address of the network or, on a unix
// socket, a user.
type source struct {
	addr netip.Addr
	uid  int
}

// sourceOf is the source of an address, or of a uid where there is none.
func sourceOf(remote string, uid int) source {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return source{uid: uid}
	}
	addr := ap.Addr().Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(prefixIPv6); err == nil {
			addr = p.Addr()
		}
	}
	return source{addr: addr}
}

// failures are those of one source.
type failures struct {
	count int
	since time.Time
	until time.Time // blocked; zero for not
}

// over reports whether they need no longer be remembered.
func (f *failures) over(now time.Time) bool {
	if !f.until.IsZero() {
		return !now.Before(f.until)
	}
	return now.Sub(f.since) >= failureWindow
}

// A limiter counts log-ins that failed. While there are none it costs one load
// of an integer. The zero value is ready; it is safe for concurrent use.
type limiter struct {
	size atomic.Int32 // of sources

	mu      sync.Mutex
	sources map[source]*failures // guarded by mu
}

// blocked returns how long nothing of a source is to be checked, 0 for not.
func (l *limiter) blocked(s source, now time.Time) time.Duration {
	if l.size.Load() == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.sources[s]
	switch {
	case f == nil:
		return 0
	case f.over(now):
		delete(l.sources, s)
		l.size.Store(int32(len(l.sources)))
		return 0
	case f.until.IsZero():
		return 0
	}
	return f.until.Sub(now)
}

// fail counts a failure, and reports whether the source is blocked from now
// on. A log-in that goes well takes nothing back: it may be the guesser's own.
func (l *limiter) fail(s source, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.sources[s]
	if f == nil || f.over(now) {
		if f == nil && len(l.sources) >= maxSources {
			l.shedLocked(now)
		}
		if l.sources == nil {
			l.sources = map[source]*failures{}
		}
		f = &failures{since: now}
		l.sources[s] = f
		l.size.Store(int32(len(l.sources)))
	}
	f.count++
	if f.count >= maxFailures && f.until.IsZero() {
		f.until = now.Add(blockTime)
		return true
	}
	return false
}

// shedLocked makes room for many more: it forgets what is over, and, unless
// that was enough, who failed first, of those that are not blocked if there
// are such.
func (l *limiter) shedLocked(now time.Time) {
	maps.DeleteFunc(l.sources, func(_ source, f *failures) bool { return f.over(now) })
	surplus := len(l.sources) - maxSources*7/8
	if surplus <= 0 {
		return
	}
	all := slices.Collect(maps.Keys(l.sources))
	slices.SortFunc(all, func(a, b source) int {
		x, y := l.sources[a], l.sources[b]
		return cmp.Or(x.until.Compare(y.until), x.since.Compare(y.since)) // who is not blocked has no until
	})
	for _, s := range all[:surplus] {
		delete(l.sources, s)
	}
}
