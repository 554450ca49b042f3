package ini

import (
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// Glob returns the paths that match a pattern of [include], sorted bytewise.
// It knows *, ? and [...] and nothing else: ** is *, and neither braces nor ~
// nor a backslash means anything. A wildcard does not match the dot at the
// start of a name. A pattern without wildcards matches if something is there.
// What cannot be read matches nothing.
// Python 3.11, glob.py, and Supervisor 4.2.5, options.py, read_config.
func Glob(pattern string) []string {
	paths := globPaths(pattern)
	slices.Sort(paths)
	return paths
}

// globPaths is Glob without the order.
func globPaths(pattern string) []string {
	dir, base := splitPath(pattern)
	if !hasMagic(pattern) {
		if base == "" && isDir(dir) || base != "" && exists(pattern) {
			return []string{pattern}
		}
		return nil
	}
	dirs := []string{dir}
	if hasMagic(dir) {
		dirs = slices.DeleteFunc(globPaths(dir), func(d string) bool { return !isDir(d) })
	}
	var paths []string
	for _, d := range dirs {
		for _, name := range globNames(d, base) {
			paths = append(paths, joinPath(d, name))
		}
	}
	return paths
}

// globNames returns the names in a directory that match base, which is a
// pattern, a name, or empty for the directory itself.
func globNames(dir, base string) []string {
	switch {
	case base == "":
		if isDir(dir) {
			return []string{""}
		}
		return nil
	case !hasMagic(base):
		if exists(joinPath(dir, base)) {
			return []string{base}
		}
		return nil
	}
	if dir == "" {
		dir = "."
	}
	entries, _ := os.ReadDir(dir) // those read before an error count
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && base[0] != '.' {
			continue
		}
		if matchName(base, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// matchName tells whether a whole name matches a pattern. It is Python's
// fnmatch: filepath.Match has [^...] and backslashes, and an error for a lone
// bracket.
func matchName(pattern, name string) bool {
	resume, from := "", "" // behind the last star, and the name it was tried on
	starred := false
	for name != "" || pattern != "" {
		if pattern != "" && pattern[0] == '*' {
			pattern = pattern[1:]
			resume, from, starred = pattern, name, true
			continue
		}
		if name != "" && pattern != "" {
			r, size := utf8.DecodeRuneInString(name)
			if rest, ok := matchOne(pattern, r); ok {
				pattern, name = rest, name[size:]
				continue
			}
		}
		if !starred || from == "" {
			return false
		}
		_, size := utf8.DecodeRuneInString(from) // let the star take one more
		from = from[size:]
		pattern, name = resume, from
	}
	return true
}

// matchOne matches one character against the start of a pattern that is no
// star, and returns the rest of the pattern.
func matchOne(pattern string, r rune) (rest string, ok bool) {
	p, size := utf8.DecodeRuneInString(pattern)
	rest = pattern[size:]
	switch p {
	case '?':
		return rest, true
	case '[':
		if class, after, closed := cutClass(rest); closed {
			return after, matchClass(class, r)
		}
	}
	return rest, p == r
}

// cutClass cuts "...]" at the bracket that ends it: not the first character,
// nor the first after an exclamation mark.
func cutClass(s string) (class, rest string, ok bool) {
	skip := 0
	if strings.HasPrefix(s, "!") {
		skip++
	}
	if strings.HasPrefix(s[skip:], "]") {
		skip++
	}
	end := strings.IndexByte(s[skip:], ']')
	if end < 0 {
		return "", "", false
	}
	return s[:skip+end], s[skip+end+1:], true
}

// matchClass tells whether r is one of the characters and ranges between
// brackets. A range that runs backwards holds nothing.
func matchClass(class string, r rune) bool {
	class, negated := strings.CutPrefix(class, "!")
	set := []rune(class)
	for i := 0; i < len(set); i++ {
		low, high := set[i], set[i]
		if i+2 < len(set) && set[i+1] == '-' {
			high = set[i+2]
			i += 2
		}
		if low <= r && r <= high {
			return !negated
		}
	}
	return negated
}

// hasMagic tells whether a path has wildcards.
func hasMagic(path string) bool { return strings.ContainsAny(path, "*?[") }

// splitPath is Python's os.path.split: the base may be empty, and the
// directory keeps no slash at its end unless it is all slashes.
func splitPath(path string) (dir, base string) {
	at := strings.LastIndexByte(path, '/') + 1
	dir, base = path[:at], path[at:]
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		dir = trimmed
	}
	return dir, base
}

// joinPath is Python's os.path.join: unlike filepath.Join it cleans nothing,
// and it may leave a slash at the end.
func joinPath(dir, name string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

// exists tells whether there is something of that name, if only a symbolic
// link to nothing.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// isDir tells whether path is a directory, or a link to one.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
