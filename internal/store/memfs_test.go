package store

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
)

// errCrash is what every operation of a file system says after the power
// has failed.
var errCrash = errors.New("the power has failed")

// A memFS is a disk with a cache before it, whose power can fail at any
// operation. What was not synced may be on it or not.
type memFS struct {
	names   map[string]*inode // as a program sees them
	durable map[string]*inode // as they are after the power has failed
	pending []nameOp          // done to names, not yet to durable

	ops     int             // done so far that could fail
	crashAt int             // the operation at which the power fails; -1 for never
	torn    bool            // the write at which it fails is done by half
	fail    func(int) error // what an operation fails with, for all that is known
}

type inode struct {
	data, synced []byte
}

// A nameOp gives a name to an inode, and takes another name away.
type nameOp struct {
	name, gone string
	node       *inode
}

func (o nameOp) do(names map[string]*inode) {
	if o.gone != "" {
		delete(names, o.gone)
	}
	if o.name != "" {
		names[o.name] = o.node
	}
}

func newMemFS() *memFS {
	return &memFS{names: map[string]*inode{}, durable: map[string]*inode{}, crashAt: -1}
}

// copy is a disk of its own with the same content.
func (m *memFS) copy() *memFS {
	next := newMemFS()
	nodes := map[*inode]*inode{}
	copied := func(node *inode) *inode {
		if node != nil && nodes[node] == nil {
			nodes[node] = &inode{slices.Clone(node.data), slices.Clone(node.synced)}
		}
		return nodes[node]
	}
	for name, node := range m.names {
		next.names[name] = copied(node)
	}
	for name, node := range m.durable {
		next.durable[name] = copied(node)
	}
	for _, o := range m.pending {
		o.node = copied(o.node)
		next.pending = append(next.pending, o)
	}
	return next
}

// op counts an operation, and fails if it is to.
func (m *memFS) op() error {
	at := m.ops
	m.ops++
	if m.crashAt >= 0 && at >= m.crashAt {
		return errCrash
	}
	if m.fail != nil {
		return m.fail(at)
	}
	return nil
}

func (m *memFS) name(o nameOp) {
	o.do(m.names)
	m.pending = append(m.pending, o)
}

func (m *memFS) Mkdir(string) error { return m.op() }

func (m *memFS) Stat(path string) (Info, error) {
	if path == memDir {
		return Info{Mode: fs.ModeDir | 0o700}, nil
	}
	if m.names[filepath.Base(path)] == nil {
		return Info{}, fs.ErrNotExist
	}
	return Info{Mode: 0o600}, nil
}

func (m *memFS) ReadDir(string) ([]string, error) {
	var all []string
	for name := range m.names {
		all = append(all, name)
	}
	return all, nil
}

func (m *memFS) ReadFile(path string, limit int) ([]byte, error) {
	node := m.names[filepath.Base(path)]
	if node == nil {
		return nil, fs.ErrNotExist
	}
	return append([]byte{}, node.data...), nil
}

func (m *memFS) Create(path string) (File, error) {
	if err := m.op(); err != nil {
		return nil, err
	}
	name := filepath.Base(path)
	if m.names[name] != nil {
		return nil, fs.ErrExist
	}
	node := &inode{}
	m.name(nameOp{name: name, node: node})
	return &memFile{m, node}, nil
}

func (m *memFS) Rename(from, to string) error {
	if err := m.op(); err != nil {
		return err
	}
	node := m.names[filepath.Base(from)]
	if node == nil {
		return fs.ErrNotExist
	}
	m.name(nameOp{name: filepath.Base(to), gone: filepath.Base(from), node: node})
	return nil
}

func (m *memFS) Remove(path string) error {
	name := filepath.Base(path)
	if m.names[name] == nil {
		return fs.ErrNotExist // it changes nothing: no point to fail at
	}
	if err := m.op(); err != nil {
		return err
	}
	m.name(nameOp{gone: name})
	return nil
}

func (m *memFS) SyncDir(string) error {
	if err := m.op(); err != nil {
		return err
	}
	m.durable, m.pending = maps.Clone(m.names), nil
	return nil
}

func (m *memFS) Lock(context.Context, string, bool) (func(), error) { return func() {}, nil }

type memFile struct {
	m    *memFS
	node *inode
}

func (f *memFile) Write(b []byte) (int, error) {
	err := f.m.op()
	if err == nil {
		f.node.data = append(f.node.data, b...)
		return len(b), nil
	}
	// A full disk takes some of it, and so may one that loses its power.
	if f.m.torn || errors.Is(err, syscall.ENOSPC) {
		f.node.data = append(f.node.data, b[:len(b)/2]...)
	}
	return len(b) / 2, err
}

func (f *memFile) Sync() error {
	err := f.m.op()
	if err == nil {
		f.node.synced = append([]byte{}, f.node.data...)
	}
	return err
}

func (f *memFile) Close() error { return nil }

// What is on the disk of what was not synced: nothing, everything, a part.
const (
	loseAll = iota
	keepAll
	anyPart
	anyPrefix // of the operations on names; all of the data
)

// reboot is the disk after the power has failed and come back.
func (m *memFS) reboot(what int, rnd *rand.Rand) *memFS {
	next := newMemFS()
	names := maps.Clone(m.durable)
	prefix := rnd.IntN(len(m.pending) + 1)
	for i, o := range m.pending {
		if what == keepAll || what == anyPart && rnd.IntN(2) == 0 || what == anyPrefix && i < prefix {
			o.do(names)
		}
	}
	for name, node := range names {
		data := node.synced
		if what == keepAll || what == anyPrefix || what == anyPart && rnd.IntN(2) == 0 {
			data = node.data
		}
		n := &inode{data: append([]byte{}, data...)}
		n.synced = n.data
		next.names[name] = n
	}
	next.durable = maps.Clone(next.names)
	return next
}
