package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Located is a finding in a file, for reports that others read.
type Located struct {
	Finding
	File string `json:"file"` // "" for what is in no file
	// FileLine is the line in the file; the finding's own is that in the policy.
	FileLine   int `json:"fileLine"`
	FileColumn int `json:"fileColumn"`
}

// MarshalJSON writes the finding with its place in the file.
func (l *Located) MarshalJSON() ([]byte, error) {
	type plain Finding
	return json.Marshal(struct {
		plain
		File        string `json:"file,omitempty"`
		FileLine    int    `json:"fileLine"`
		FileColumn  int    `json:"fileColumn"`
		Fingerprint string `json:"fingerprint"`
	}{plain(l.Finding), l.File, l.FileLine, l.FileColumn, l.Fingerprint()})
}

// Text is what a finding says in one paragraph: what, the witness, the next step.
func (f *Finding) Text() string {
	text := capital(f.What) + "."
	if f.Witness != nil {
		text += fmt.Sprintf(" It admits %s: sub %q.", f.Witness.Says, f.Witness.Subject)
	}
	return text + " " + f.Why + " " + f.Next
}

func capital(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// The members of SARIF that are written (OASIS, "Static Analysis Results Interchange
// Format (SARIF) Version 2.1.0").
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
	Columns string        `json:"columnKind"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version,omitempty"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Short      sarifText         `json:"shortDescription"`
	Full       sarifText         `json:"fullDescription"`
	Help       sarifText         `json:"help"`
	HelpURI    string            `json:"helpUri"`
	Default    sarifLevel        `json:"defaultConfiguration"`
	Properties map[string]string `json:"properties"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   map[string]any    `json:"properties,omitempty"`
}

type sarifLocation struct {
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact struct {
		URI string `json:"uri"`
	} `json:"artifactLocation"`
	Region struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	} `json:"region"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

func (s Severity) sarifLevel() string {
	switch {
	case s >= High:
		return "error"
	case s >= Warning:
		return "warning"
	default:
		return "note"
	}
}

// securitySeverity is the number from which code hosts read a severity.
func (s Severity) securitySeverity() string {
	switch s {
	case Critical:
		return "9.5"
	case High, Error:
		return "8.0"
	case Medium, Warning:
		return "5.5"
	case Low:
		return "2.0"
	default:
		return "0.1"
	}
}

// WriteSARIF writes findings as SARIF 2.1.0, with all rules that are run.
func WriteSARIF(w io.Writer, findings []Located, version string) error {
	driver := sarifDriver{Name: "daypass lint", Version: version, InformationURI: "https://github.com/daypass/daypass"}
	index := map[string]int{}
	for _, r := range rules {
		if r.Online {
			continue
		}
		index[r.ID] = len(driver.Rules)
		driver.Rules = append(driver.Rules, sarifRule{
			ID: r.ID, Name: r.Name, Short: sarifText{r.What}, Full: sarifText{r.What + " " + r.Why}, Help: sarifText{r.Next}, HelpURI: r.Link,
			Default: sarifLevel{r.Severity.sarifLevel()}, Properties: map[string]string{"security-severity": r.Severity.securitySeverity()},
		})
	}
	results := []sarifResult{}
	for i := range findings {
		f := &findings[i]
		result := sarifResult{
			RuleID: f.Rule, RuleIndex: index[f.Rule], Level: f.Severity.sarifLevel(), Message: sarifText{f.Text()},
			Fingerprints: map[string]string{"daypassLint/v1": f.Fingerprint()}, Properties: map[string]any{"severity": f.Severity.String()},
		}
		if f.Witness != nil {
			result.Properties["witness"] = f.Witness
		}
		at := sarifLocation{}
		if f.File != "" {
			at.Physical = &sarifPhysical{}
			at.Physical.Artifact.URI = f.File
			at.Physical.Region.StartLine, at.Physical.Region.StartColumn = max(f.FileLine, 1), max(f.FileColumn, 1)
		}
		if name := f.Role; name != "" {
			at.Logical = []sarifLogical{{name, "resource"}}
		}
		result.Locations = []sarifLocation{at}
		results = append(results, result)
	}
	return writeJSON(w, sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{{Tool: sarifTool{driver}, Results: results, Columns: "unicodeCodePoints"}},
	})
}

// codeQuality is one entry of GitLab's report (GitLab, "Code Quality", "Code Quality
// report format").
type codeQuality struct {
	Description string `json:"description"`
	CheckName   string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"`
	Location    struct {
		Path  string `json:"path"`
		Lines struct {
			Begin int `json:"begin"`
		} `json:"lines"`
	} `json:"location"`
}

func (s Severity) codeQuality() string {
	switch s {
	case Critical:
		return "blocker"
	case High, Error:
		return "critical"
	case Medium, Warning:
		return "major"
	case Low:
		return "minor"
	default:
		return "info"
	}
}

// WriteCodeQuality writes findings as GitLab's Code Quality report. Each entry has a
// fingerprint of its own, as GitLab asks.
func WriteCodeQuality(w io.Writer, findings []Located) error {
	entries := []codeQuality{}
	seen := map[string]int{}
	for i := range findings {
		f := &findings[i]
		e := codeQuality{Description: f.Rule + " " + f.Text(), CheckName: f.Rule + " " + f.Name, Fingerprint: f.Fingerprint(), Severity: f.Severity.codeQuality()}
		if seen[e.Fingerprint]++; seen[e.Fingerprint] > 1 {
			e.Fingerprint = fmt.Sprintf("%s-%d", e.Fingerprint, seen[e.Fingerprint])
		}
		e.Location.Path, e.Location.Lines.Begin = f.File, max(f.FileLine, 1)
		if e.Location.Path == "" {
			e.Location.Path = f.Role
		}
		entries = append(entries, e)
	}
	return writeJSON(w, entries)
}

// WriteJSON writes findings as a list.
func WriteJSON(w io.Writer, findings []Located) error {
	list := make([]*Located, len(findings))
	for i := range findings {
		list[i] = &findings[i]
	}
	return writeJSON(w, list)
}

func writeJSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}
