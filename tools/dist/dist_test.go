package main

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLicences(t *testing.T) {
	for text, want := range map[string]string{
		"GNU AFFERO GENERAL\n PUBLIC LICENSE Version 3":                                                                       "AGPL",
		"GNU GENERAL PUBLIC LICENSE\nVersion 2. Permission is hereby granted, free of charge, to any person obtaining a copy": "GPL MIT",
		"Mozilla Public License, version 2.0 … Secondary License means the GNU General Public License":                        "MPL-2.0",
		"Apache License\n   Version 2.0, January 2004":                                                                        "Apache-2.0",
		"Redistribution and use in source and binary forms … Neither the name of Google":                                      "BSD-3-Clause",
		"Redistribution and use in source and binary forms":                                                                   "BSD-2-Clause",
		"Do what you like": "",
	} {
		got := licencesIn([]byte(text))
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestWhatIsNotAllowedIsToldByName(t *testing.T) {
	m := &made{modules: []dependency{
		{path: "good.example/a", version: "v1.0.0", licences: []string{"MIT"}},
		{path: "bad.example/b", version: "v1.0.0", licences: []string{"AGPL", "MIT"}},
		{path: "none.example/c", version: "v1.0.0"},
	}}
	want := []string{"bad.example/b v1.0.0 is under AGPL", "none.example/c v1.0.0 has none that is known"}
	if got := m.licenceProblems(); !slices.Equal(got, want) {
		t.Errorf("problems are %q, want %q", got, want)
	}
}

// An archive is a function of its files and the time.
func TestArchivesAreTheSame(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	files := []file{{"b", []byte("2"), 0o644}, {"a", []byte("1"), 0o755}}
	for _, target := range []string{"linux/amd64", "windows/amd64"} {
		dir := t.TempDir()
		for _, place := range []time.Time{at, at.In(time.FixedZone("elsewhere", 7200))} {
			if err := writeArchive(filepath.Join(dir, place.Format("15")), target, place, slices.Clone(files)); err != nil {
				t.Fatal(err)
			}
			slices.Reverse(files)
		}
		var one, two bytes.Buffer
		write := writeTar
		if strings.HasPrefix(target, "windows") {
			write = writeZip
		}
		sorted := []file{{"a", []byte("1"), 0o755}, {"b", []byte("2"), 0o644}}
		if err := write(&one, "d/", at, sorted); err != nil {
			t.Fatal(err)
		}
		if err := write(&two, "d/", at.In(time.FixedZone("elsewhere", 7200)), sorted); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Errorf("%s: two archives of the same differ (%v)", target, err)
		}
	}
}
