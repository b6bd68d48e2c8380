package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// allowed are the licences under which code may be linked into a program that is given
// to others under Apache-2.0, by SPDX's names. Not among them, on purpose: GPL, LGPL, AGPL,
// SSPL, BUSL and every other that asks more of who uses the program. MPL-2.0 asks it of
// who changes those files, and none is changed.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MPL-2.0", "Unlicense", "blessing"}

// signs are words that a licence has and no other, in lower case, with single spaces. The
// GNU licences stand first, so that nothing that is under one passes by another's words.
var signs = []struct{ words, id string }{
	{"gnu affero general public license", "AGPL"},
	{"gnu lesser general public license", "LGPL"},
	{"gnu general public license", "GPL"},
	{"server side public license", "SSPL"},
	{"business source license", "BUSL"},
	{"commons clause", "Commons-Clause"},
	{"creative commons attribution", "CC-BY"},
	{"apache license version 2.0", "Apache-2.0"},
	{"permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"},
	{"permission to use, copy, modify, and distribute this software for any purpose", "ISC"},
	{"permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"},
	{"this is free and unencumbered software released into the public domain", "Unlicense"},
	{"cc0 1.0 universal", "CC0-1.0"},
	{"boost software license", "BSL-1.0"},
	// SQLite's own file says no more than that; SPDX calls it so.
	{"sqlite has been dedicated to the public domain", "blessing"},
}

// licencesIn recognises the licences of a file. It is no lawyer: a file that has nothing
// it knows is unknown, and that is refused.
func licencesIn(text []byte) []string {
	words := strings.Join(strings.Fields(strings.NewReplacer("(", " ", ")", " ", ", version", " version").Replace(strings.ToLower(string(text)))), " ")
	var found []string
	if strings.Contains(words, "mozilla public license version 2.0") {
		found = append(found, "MPL-2.0")
		// It names the GNU licences as others that it goes with.
		words = strings.NewReplacer("gnu affero general public license", "", "gnu lesser general public license", "", "gnu general public license", "").Replace(words)
	}
	for _, s := range signs {
		if strings.Contains(words, s.words) && !slices.Contains(found, s.id) {
			found = append(found, s.id)
		}
	}
	if strings.Contains(words, "redistribution and use in source and binary forms") {
		if strings.Contains(words, "neither the name") || strings.Contains(words, "may be used to endorse") || strings.Contains(words, "may not be used to endorse") {
			found = append(found, "BSD-3-Clause")
		} else {
			found = append(found, "BSD-2-Clause")
		}
	}
	return found
}

var (
	licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([-._].*)?$`)
	noticeFile  = regexp.MustCompile(`(?i)^(notice|patents)([-._].*)?$`)
)

func (d *dependency) readLicences(module string) error {
	dir, err := output(module, "go", "list", "-m", "-f", "{{.Dir}}", d.path)
	if err != nil {
		return err
	}
	if dir == "" {
		return fmt.Errorf("the source of %s is not on this machine: go mod download", d.path)
	}
	return d.readLicencesIn(dir)
}

func (d *dependency) readLicencesIn(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		// A logo is not linked into anything.
		licence := licenceFile.MatchString(e.Name()) && !strings.HasSuffix(e.Name(), "-LOGO")
		if !e.Type().IsRegular() || !licence && !noticeFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		d.texts = append(d.texts, file{e.Name(), text, 0o644})
		if !licence {
			continue
		}
		found := licencesIn(text)
		if len(found) == 0 {
			found = []string{"an unknown licence (" + e.Name() + ")"}
		}
		d.licences = append(d.licences, found...)
	}
	slices.Sort(d.licences)
	d.licences = slices.Compact(d.licences)
	return nil
}

// licenceProblems says what cannot be given to others with the program.
func (m *made) licenceProblems() []string {
	var problems []string
	for i := range m.modules {
		d := &m.modules[i]
		if len(d.licences) == 0 {
			problems = append(problems, d.path+" "+d.version+" has none that is known")
		}
		for _, l := range d.licences {
			if !slices.Contains(allowed, l) {
				problems = append(problems, d.path+" "+d.version+" is under "+l)
			}
		}
	}
	return problems
}

// licences are all, once.
func (m *made) licences() string {
	var all []string
	for _, d := range m.modules {
		all = append(all, d.licences...)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}

// notices is what the licences ask to be passed on.
func (m *made) notices() []byte {
	var b bytes.Buffer
	b.WriteString("Daypass is made of the following, each under its own licence.\n")
	for _, d := range m.modules {
		fmt.Fprintf(&b, "\n================ %s %s\n", d.path, d.version)
		for _, t := range d.texts {
			fmt.Fprintf(&b, "\n---- %s\n\n%s\n", t.name, bytes.TrimSpace(t.text))
		}
	}
	return b.Bytes()
}
