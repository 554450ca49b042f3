//go:build !linux

package httpd

func newFileWatch(string) fileWatch { return intervalWatch{} }
