// Package cache is an example of an extension: a namespace with which clients
// keep values in the memory of supervisord, for one another. It has the
// methods of the Python package supervisor_cache and answers to its factory
// name.
//
//	[rpcinterface:cache]
//	supervisor.rpcinterface_factory = cache
//
// What is stored is gone when supervisord ends or restarts.
package cache

import (
	"context"
	"maps"
	"slices"
	"sync"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

//go:generate go run example.org/twiddler/tools/rpcdoc -type Cache -doc reference.md

// Factory is what main lists. Options are ignored, as the original's are.
var Factory = ext.Factory{
	Name:    "cache",
	Aliases: []string{"supervisor_cache.rpcinterface:make_cache_rpcinterface"},
	New: func(h ext.Host, _ map[string]string) (ext.Extension, error) {
		return &Cache{host: h, values: map[string]any{}}, nil
	},
}

// MaxKeys is how many keys there can be. A client must not be able to fill the
// memory of the process that watches over all the others.
const MaxKeys = 10000

// Cache is the extension. Its methods are safe for concurrent use, since
// supervisord calls them from many goroutines.
type Cache struct {
	host ext.Host

	mu     sync.Mutex // guards values
	values map[string]any
}

// GetAPIVersion answers the version of this interface.
//
//	@return string  the version
//	@role view
func (c *Cache) GetAPIVersion(ctx context.Context) (string, error) {
	return "0.2", c.running(ctx)
}

// GetKeys answers the keys under which something is stored.
//
//	@return array  the keys, sorted
//	@role view
func (c *Cache) GetKeys(ctx context.Context) ([]string, error) {
	if err := c.running(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.values)), nil
}

// GetCount answers how many keys there are.
//
//	@return int  the number of keys
//	@role view
func (c *Cache) GetCount(ctx context.Context) (int, error) {
	if err := c.running(ctx); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.values), nil
}

// Store keeps a value under a key, in place of what was there.
//
//	@param string key   what to fetch it with
//	@param string data  the value; other types are kept as they are
//	@return boolean     always true
//	@role operate
func (c *Cache) Store(ctx context.Context, key, data any) (bool, error) {
	name, err := c.key(ctx, key)
	if err != nil {
		return false, err
	}
	if data == nil {
		// It could be stored, but not be sent back: XML-RPC has no nil.
		return false, fault.New(fault.IncorrectParameters, "Cache data must have a value")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.values[name]; !there && len(c.values) >= MaxKeys {
		return false, fault.New(fault.Failed, "Cache is full")
	}
	c.values[name] = data
	return true, nil
}

// Fetch answers the value under a key, or the fault BAD_NAME if there is none.
//
//	@param string key  what it was stored with
//	@return string     the value
//	@role view
func (c *Cache) Fetch(ctx context.Context, key any) (any, error) {
	name, err := c.key(ctx, key)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	data, there := c.values[name]
	if !there {
		return nil, fault.Bare(fault.BadName)
	}
	return data, nil
}

// Delete forgets the value under a key, if there is one.
//
//	@param string key  what it was stored with
//	@return boolean    always true
//	@role operate
func (c *Cache) Delete(ctx context.Context, key any) (bool, error) {
	name, err := c.key(ctx, key)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.values, name)
	return true, nil
}

// Clear forgets everything.
//
//	@return boolean  always true
//	@role operate
func (c *Cache) Clear(ctx context.Context) (bool, error) {
	if err := c.running(ctx); err != nil {
		return false, err
	}
	c.mu.Lock()
	n := len(c.values)
	clear(c.values)
	c.mu.Unlock()
	if n > 0 {
		c.host.Log(ext.Debug, "cache cleared")
	}
	return true, nil
}

// running refuses calls once supervisord is shutting down.
func (c *Cache) running(ctx context.Context) error {
	if c.host.State(ctx) == ext.Shutdown {
		return fault.Bare(fault.ShutdownState)
	}
	return nil
}

// key checks what a client gave as a key. It takes any type to answer with a
// fault that says more than INCORRECT_PARAMETERS.
func (c *Cache) key(ctx context.Context, v any) (string, error) {
	if err := c.running(ctx); err != nil {
		return "", err
	}
	if name, ok := v.(string); ok && name != "" {
		return name, nil
	}
	return "", fault.New(fault.BadName, "Cache key must be a non-empty string")
}
