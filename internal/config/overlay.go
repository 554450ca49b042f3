package config

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
)

// An Overlay is what run-time changes have made of one group: all that has to
// be known beside the configuration files to have the group again. It is
// computed by [OverlayOf], not collected, and never changes afterwards.
type Overlay struct {
	Group string

	// Removed says that the files have the group and it is not to be.
	Removed bool

	// Whole says that the group is made of this overlay alone, whatever the
	// files have under its name. It is of Kind then.
	Whole bool
	Kind  Kind

	Priority *int // nil for that of the files, or of the group's own section

	Programs []OverlayProgram // that are new, or other than in the files
	Without  []string         // programs of the files that are not to be
	Scales   []Scale          // programs of the files of which only processes came or went

	place overlayPlace
}

// An OverlayProgram is a program that the files do not have so.
type OverlayProgram struct {
	Section *Section

	// Nth is 1 for the program that takes the place of the files' program of
	// its name, if there is one, and more for further ones that have the name.
	Nth     int
	Without []int // process numbers that are not to be

	place overlayPlace
}

// A Scale says which processes of a program of the files are to be.
type Scale struct {
	Program  string
	Numprocs int   // 0 for that of the files
	Without  []int // process numbers that are not to be

	place overlayPlace
}

// An overlayPlace is where a part of an overlay was read; the zero value if it
// was computed.
type overlayPlace struct {
	file  string
	line  int
	lines map[string]int // by option
}

// File is the file that the overlay was read from, "" if it was computed.
func (o *Overlay) File() string { return o.place.file }

// OverlayOf computes what has to be remembered for live, which was changed from
// base, a group of the configuration files. Base is nil if no file has the
// group, and live is nil if it is not there any more. The result is nil if
// there is nothing to remember.
//
// Both groups must have been made by this package, or of processes that were,
// so that they know their sections. The time grows with their processes; safe
// for concurrent use.
func OverlayOf(base, live *Group) *Overlay {
	switch {
	case base == live:
		return nil
	case live == nil:
		return &Overlay{Group: base.Name, Removed: true}
	}
	o := &Overlay{Group: live.Name, Kind: live.Kind}
	var before []*family
	if o.Whole = base == nil || base.Kind != live.Kind; !o.Whole {
		before = families(base)
	}
	o.compare(before, families(live))
	if o.Whole || base.Priority != live.Priority || o.ownProgram() != nil {
		o.Priority = &live.Priority
	}
	if !o.Whole && o.Priority == nil && len(o.Programs)+len(o.Without)+len(o.Scales) == 0 {
		return nil
	}
	return o
}

// ownProgram returns the program that has the group's name, which may say
// more than a program does: the priority of its group, for one.
func (o *Overlay) ownProgram() *OverlayProgram {
	for i := range o.Programs {
		if p := &o.Programs[i]; p.Nth == 1 && strip(p.Section.Program) == strip(o.Group) {
			return p
		}
	}
	return nil
}

// compare fills in what became of the programs.
func (o *Overlay) compare(before, after []*family) {
	kept := map[*family]bool{}
	last := map[string]int{} // the highest Nth of each program
	var fresh []*family
	for _, f := range after {
		i := slices.IndexFunc(before, func(b *family) bool {
			return b.program == f.program && b.section.sameProgram(f.section)
		})
		if i < 0 {
			fresh = append(fresh, f)
			continue
		}
		kept[before[i]] = true
		last[f.program] = 1
		o.rescale(before[i], f)
	}
	for _, f := range fresh {
		last[f.program]++
		o.Programs = append(o.Programs, f.whole(last[f.program]))
	}
	for _, b := range before {
		if !kept[b] && last[b.program] == 0 {
			o.Without = append(o.Without, b.program)
		}
	}
	slices.Sort(o.Without)
	slices.SortFunc(o.Scales, func(a, b Scale) int { return cmp.Compare(a.Program, b.Program) })
}

// rescale notes which processes of a program came and went.
func (o *Overlay) rescale(before, after *family) {
	if maps.Equal(before.nums, after.nums) {
		return
	}
	if len(after.nums) == 0 {
		o.Without = append(o.Without, after.program)
		return
	}
	count, gaps := after.extent()
	s := Scale{Program: after.program, Numprocs: count, Without: gaps}
	if was, _ := before.extent(); was == count {
		s.Numprocs = 0
	}
	o.Scales = append(o.Scales, s)
}

// A family is those processes of a group that one program has made, before or
// after it was scaled.
type family struct {
	program string
	section *Section
	first   int
	nums    map[int]bool
	procs   []*Process
}

// families parts the processes of a group. The program that a group of
// listeners or of FastCGI processes was read from is there even if it has no
// process: the rest of the group is made of it as well.
func families(g *Group) []*family {
	var all []*family
	byProgram := map[string][]*family{}
	find := func(program string, s *Section) *family {
		for _, f := range byProgram[program] {
			if f.section.sameProgram(s) {
				return f
			}
		}
		f := &family{program: program, section: s, nums: map[int]bool{}}
		byProgram[program] = append(byProgram[program], f)
		all = append(all, f)
		return f
	}
	own := g.ownSection()
	if own != nil {
		find(strip(own.Program), own)
	}
	for _, p := range g.Processes {
		s := p.Section
		if own != nil && s.Kind == own.Kind && p.Program == strip(own.Program) {
			s = own
		}
		f := find(p.Program, s)
		f.first = p.First
		f.nums[p.Num] = true
		f.procs = append(f.procs, p)
	}
	return all
}

// ownSection is the section that says more of a group than of a program.
func (g *Group) ownSection() *Section {
	if g.Kind == Programs {
		return nil
	}
	return g.Section
}

// extent is the numprocs that covers all processes, and the numbers below it
// that there is no process for.
func (f *family) extent() (count int, gaps []int) {
	for n := range f.nums {
		count = max(count, n-f.first+1)
	}
	for n := f.first; n < f.first+count; n++ {
		if !f.nums[n] {
			gaps = append(gaps, n)
		}
	}
	return count, gaps
}

// whole is a family as a program that the files do not have.
func (f *family) whole(nth int) OverlayProgram {
	count, gaps := f.extent()
	p := OverlayProgram{Section: f.section, Nth: nth, Without: gaps}
	for _, process := range f.procs {
		if process.Count == count && process.Section.sameProgram(f.section) {
			p.Section = process.Section // it says so in the words it was given
			return p
		}
	}
	if text := strconv.Itoa(count); !p.Section.says("numprocs", text) {
		p.Section = p.Section.With("numprocs", text)
	}
	return p
}

func (s *Section) says(key, value string) bool {
	v, ok := s.Lookup(key)
	return ok && v == value
}

// sameProgram reports whether two sections differ in numprocs at most.
func (s *Section) sameProgram(other *Section) bool {
	if s == other {
		return true
	}
	if s.Kind != other.Kind || s.Program != other.Program || s.Client != other.Client {
		return false
	}
	a, b := s.table(), other.table()
	delete(a, "numprocs")
	delete(b, "numprocs")
	return maps.Equal(a, b)
}

// Equal reports whether two overlays say the same. Either may be nil.
func (o *Overlay) Equal(other *Overlay) bool {
	if o == nil || other == nil {
		return o == other
	}
	return o.Group == other.Group && o.Removed == other.Removed && o.Whole == other.Whole &&
		(!o.Whole || o.Kind == other.Kind) && samePriority(o.Priority, other.Priority) &&
		slices.Equal(o.Without, other.Without) &&
		slices.EqualFunc(o.Scales, other.Scales, func(a, b Scale) bool {
			return a.Program == b.Program && a.Numprocs == b.Numprocs && slices.Equal(a.Without, b.Without)
		}) &&
		slices.EqualFunc(o.Programs, other.Programs, func(a, b OverlayProgram) bool {
			return a.Nth == b.Nth && slices.Equal(a.Without, b.Without) && a.Section.Equal(b.Section)
		})
}

func samePriority(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
