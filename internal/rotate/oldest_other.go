//go:build !linux

package rotate

// keepOldest keeps nothing here.
func (f *File) keepOldest(string) (free func()) { return nil }
