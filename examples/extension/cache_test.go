package cache_test

import (
	"fmt"
	"sync"
	"testing"

	cache "example.org/twiddler/examples/extension"
	"example.org/twiddler/ext"
	"example.org/twiddler/ext/exttest"
)

func TestCache(t *testing.T) {
	t.Parallel()
	e := exttest.New(t, cache.Factory, exttest.NewHost(), nil)
	exttest.Want(t, e, "0.2", "getAPIVersion")
	exttest.Want(t, e, []string(nil), "getKeys")
	exttest.Want(t, e, true, "store", "b", "1")
	exttest.Want(t, e, true, "store", "a", []any{1, "x"})
	exttest.Want(t, e, true, "store", "b", "2")
	exttest.Want(t, e, []string{"a", "b"}, "getKeys")
	exttest.Want(t, e, 2, "getCount")
	exttest.Want(t, e, "2", "fetch", "b")
	exttest.Want(t, e, any([]any{1, "x"}), "fetch", "a")
	exttest.WantFault(t, e, "BAD_NAME", "fetch", "c")
	exttest.Want(t, e, true, "delete", "c")
	exttest.Want(t, e, true, "delete", "b")
	exttest.WantFault(t, e, "BAD_NAME", "fetch", "b")
	exttest.Want(t, e, true, "clear")
	exttest.Want(t, e, 0, "getCount")
}

func TestKeys(t *testing.T) {
	t.Parallel()
	e := exttest.New(t, cache.Factory, exttest.NewHost(), nil)
	const text = "BAD_NAME: Cache key must be a non-empty string"
	for _, key := range []any{"", 5, true, nil, []any{"a"}} {
		exttest.WantFault(t, e, text, "store", key, "x")
		exttest.WantFault(t, e, text, "fetch", key)
		exttest.WantFault(t, e, text, "delete", key)
	}
	exttest.WantFault(t, e, "INCORRECT_PARAMETERS: Cache data must have a value", "store", "a", nil)
	exttest.WantFault(t, e, "INCORRECT_PARAMETERS", "store", "a")
	exttest.Want(t, e, 0, "getCount")
}

func TestFull(t *testing.T) {
	t.Parallel()
	e := exttest.New(t, cache.Factory, exttest.NewHost(), nil)
	for i := range cache.MaxKeys {
		exttest.Want(t, e, true, "store", fmt.Sprint(i), "x")
	}
	exttest.WantFault(t, e, "FAILED: Cache is full", "store", "one more", "x")
	exttest.Want(t, e, true, "store", "0", "a key that is there")
	exttest.Want(t, e, true, "delete", "1")
	exttest.Want(t, e, true, "store", "one more", "x")
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	h := exttest.NewHost()
	e := exttest.New(t, cache.Factory, h, map[string]string{"ignored": "yes"})
	exttest.Want(t, e, true, "store", "a", "x")
	h.SetState(ext.Shutdown)
	for method, params := range map[string][]any{
		"getAPIVersion": nil, "getKeys": nil, "getCount": nil, "clear": nil,
		"store": {"a", "y"}, "fetch": {"a"}, "delete": {"a"},
	} {
		exttest.WantFault(t, e, "SHUTDOWN_STATE", method, params...)
	}
	h.SetState(ext.Restarting)
	exttest.Want(t, e, "x", "fetch", "a")
}

func TestClearIsLogged(t *testing.T) {
	t.Parallel()
	h := exttest.NewHost()
	e := exttest.New(t, cache.Factory, h, nil)
	exttest.Want(t, e, true, "clear")
	exttest.Want(t, e, true, "store", "a", "x")
	exttest.Want(t, e, true, "clear")
	if got := fmt.Sprint(h.Lines()); got != "[DEBG cache cleared]" {
		t.Errorf("the log is %s", got)
	}
}

func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	e := exttest.New(t, cache.Factory, exttest.NewHost(), nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				exttest.Want(t, e, true, "store", fmt.Sprint(i), i)
				exttest.Want(t, e, i, "fetch", fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
	exttest.Want(t, e, 8, "getCount")
}
