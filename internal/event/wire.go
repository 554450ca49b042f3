package event

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// A Counter deals out serial numbers: 0, 1 and so on up to 2^63-1, and then
// from 0 again. Supervisor 4.2.5, process.py, new_serial. The zero value has
// dealt none. Only its owner may touch it.
type Counter uint64

// Next deals the next number.
func (c *Counter) Next() uint64 {
	n := uint64(*c)
	if *c++; *c > math.MaxInt64 {
		*c = 0
	}
	return n
}

// A Header is what an envelope says beside its event.
type Header struct {
	Server     string // identifier= of supervisord
	Pool       string // the event listener's section
	Serial     uint64 // of the event: one for all pools
	PoolSerial uint64 // of the event within the pool
}

// Append appends the envelope of e to dst: what is written to a listener. Its
// len counts characters, not bytes. A byte that is not UTF-8 counts as one.
// Supervisor 4.2.5, process.py, _eventEnvelope.
func (h Header) Append(dst []byte, e Event) []byte {
	dst = append(dst, "ver:3.0 server:"...)
	dst = append(dst, h.Server...)
	dst = append(dst, " serial:"...)
	dst = strconv.AppendUint(dst, h.Serial, 10)
	dst = append(dst, " pool:"...)
	dst = append(dst, h.Pool...)
	dst = append(dst, " poolserial:"...)
	dst = strconv.AppendUint(dst, h.PoolSerial, 10)
	dst = append(dst, " eventname:"...)
	dst = append(dst, e.Type.String()...)
	dst = append(dst, " len:"...)
	dst = strconv.AppendInt(dst, int64(utf8.RuneCountInString(e.Payload)), 10)
	dst = append(dst, '\n')
	return append(dst, e.Payload...)
}
