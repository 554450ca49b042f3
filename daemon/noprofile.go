//go:build !profile

package daemon

func profile() (stop func()) { return func() {} }
