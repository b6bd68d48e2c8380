package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
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

// The chart of a release says whose it is, and has all that the tree has.
func TestChart(t *testing.T) {
	out := t.TempDir()
	if err := writeChart(filepath.Join("..", ".."), out, "v1.2.3", "v1.2.3", time.Unix(1795722059, 0)); err != nil {
		t.Fatal(err)
	}
	text, err := os.Open(filepath.Join(out, "daypass-chart_v1.2.3.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	unpacked, err := gzip.NewReader(text)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(unpacked); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(content)
	}
	if chart := files["daypass/Chart.yaml"]; !strings.Contains(chart, "\nversion: \"1.2.3\"\n") || !strings.Contains(chart, "\nappVersion: \"1.2.3\"\n") {
		t.Errorf("Chart.yaml is %s", chart)
	}
	for _, name := range []string{"values.yaml", "values.schema.json", "templates/statefulset.yaml"} {
		if files["daypass/"+name] == "" {
			t.Errorf("the chart lacks %s", name)
		}
	}
}
