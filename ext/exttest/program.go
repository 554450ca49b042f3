package exttest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.org/twiddler/ext"
)

// errNoDetail is for values that the original refuses without saying why.
var errNoDetail = errors.New("incorrect parameters")

// maxProcs bounds what one call can add to the fake.
const maxProcs = 10000

// processNames returns the names of the processes that a program section
// makes. The texts are Supervisor's: 4.2.5, options.py, _processes_from_section
// and datatypes.py, process_or_group_name.
func processNames(group, program string, section map[string]any) ([]string, error) {
	program, err := plainName(program)
	if err != nil {
		return nil, err
	}
	count, err := number(section, "numprocs", 1)
	if err != nil {
		return nil, err
	}
	start, err := number(section, "numprocs_start", 0)
	if err != nil {
		return nil, err
	}
	pattern := "%(program_name)s"
	if v, ok := section["process_name"]; ok {
		pattern = ext.Text(v)
	}
	if pattern, err = plainName(pattern); err != nil {
		return nil, err
	}
	if count > 1 && !strings.Contains(pattern, "%(process_num)") {
		return nil, errors.New("%(process_num) must be present within process_name when numprocs > 1")
	}
	if count > maxProcs {
		return nil, fmt.Errorf("numprocs is more than the %d of this fake", maxProcs)
	}
	if section["command"] == nil && count > 0 {
		return nil, fmt.Errorf("program section program:%s does not specify a command", program)
	}
	var names []string
	for n := range max(count, 0) {
		names = append(names, expand(pattern, group, program, start+n))
	}
	slices.Sort(names) // processes of one priority are in the order of their names
	return names, nil
}

// plainName trims a name and refuses what would not be one. Supervisor takes
// the empty name and then fails to list that process; this does not.
func plainName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		//lint:ignore ST1005 in the style of the original's next one
		return "", errors.New("Invalid name: ''")
	}
	for _, c := range []string{" ", ":", "/"} {
		if strings.Contains(name, c) {
			//lint:ignore ST1005 the original's text
			return "", fmt.Errorf("Invalid name: '%s' because of character: '%s'", name, c)
		}
	}
	return name, nil
}

func number(section map[string]any, key string, deflt int) (int, error) {
	v, ok := section[key]
	if !ok {
		return deflt, nil
	}
	if n, ok := ext.AsInt(v); ok {
		return n, nil
	}
	if s, ok := v.(string); ok {
		return 0, fmt.Errorf("invalid literal for int() with base 10: '%s'", s)
	}
	return 0, errNoDetail
}

var conversion = regexp.MustCompile(`%\((program_name|group_name|process_num)\)(0?\d*)([sd])`)

// expand replaces the names that a process name may contain.
func expand(pattern, group, program string, num int) string {
	return conversion.ReplaceAllStringFunc(pattern, func(s string) string {
		m := conversion.FindStringSubmatch(s)
		switch m[1] {
		case "program_name":
			return program
		case "group_name":
			return group
		}
		if m[2] == "" {
			return strconv.Itoa(num)
		}
		return fmt.Sprintf("%"+m[2]+"d", num)
	})
}
