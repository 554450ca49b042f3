package twiddler

import (
	"strings"

	"example.org/twiddler/ext"
)

// logLevel is the level that a client named or numbered. Blanks count, and a
// number in a string is no name. A boolean is a number in Python, but neither
// 0 nor 1 is a level.
func logLevel(v any) (ext.Level, bool) {
	switch v := v.(type) {
	case string:
		for _, lv := range []ext.Level{ext.Critical, ext.Error, ext.Warn, ext.Info, ext.Debug, ext.Trace, ext.Blather} {
			if strings.EqualFold(lv.String(), v) {
				return lv, true
			}
		}
	case int:
		lv := ext.Level(v)
		return lv, lv.Valid()
	case float64:
		lv := ext.Level(v)
		return lv, lv.Valid() && float64(lv) == v
	}
	return 0, false
}
