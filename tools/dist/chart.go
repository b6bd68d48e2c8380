package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// chartVersion is a line of Chart.yaml that says which version the chart is, and which
// the image that it installs.
var chartVersion = regexp.MustCompile(`(?m)^(version|appVersion): .*$`)

// chartFiles are those of the Helm chart, as of a version.
func chartFiles(module, version string) ([]file, error) {
	chart := filepath.Join(module, "packaging", "helm", "daypass")
	var files []file
	err := filepath.WalkDir(chart, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(chart, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if name == "Chart.yaml" {
			if n := len(chartVersion.FindAll(text, -1)); n != 2 {
				return fmt.Errorf("Chart.yaml has %d lines of version and appVersion, not 2", n)
			}
			text = chartVersion.ReplaceAll(text, []byte(`$1: "`+strings.TrimPrefix(version, "v")+`"`))
		}
		files = append(files, file{filepath.ToSlash(name), text, 0o644})
		return nil
	})
	return files, err
}

// writeChart writes the chart as Helm takes it: one folder of its name in a tar.
func writeChart(module, out, version, fileVersion string, at time.Time) error {
	files, err := chartFiles(module, version)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := writeTar(&b, "daypass/", at, files); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "daypass-chart_"+fileVersion+".tgz"), b.Bytes(), 0o644)
}
