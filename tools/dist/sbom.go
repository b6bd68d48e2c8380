package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The members of CycloneDX 1.6 that are used (cyclonedx.org/docs/1.6/json).
type (
	bom struct {
		Schema       string      `json:"$schema"`
		BOMFormat    string      `json:"bomFormat"`
		SpecVersion  string      `json:"specVersion"`
		SerialNumber string      `json:"serialNumber"`
		Version      int         `json:"version"`
		Metadata     metadata    `json:"metadata"`
		Components   []component `json:"components"`
		Dependencies []edges     `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		PURL       string     `json:"purl"`
		Licenses   []licence  `json:"licenses"`
		Properties []property `json:"properties,omitempty"`
	}
	licence struct {
		License struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	edges struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// cyclonedx is the list of what one binary is made of. Its time is the commit's, its
// number a hash, so that the same binary has the same list.
func (m *made) cyclonedx(target string) ([]byte, error) {
	system, architecture, _ := strings.Cut(target, "/")
	self := newComponent("application", "github.com/daypass/daypass", m.version, []string{"Apache-2.0"})
	self.Properties = []property{{"daypass:goos", system}, {"daypass:goarch", architecture}, {"daypass:commit", m.revision}}
	b := &bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", BOMFormat: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: metadata{Timestamp: m.time.UTC().Format(time.RFC3339), Component: self},
	}
	all := edges{Ref: self.Ref}
	for _, d := range m.modules {
		c := newComponent("library", d.path, d.version, d.licences)
		if d.sum != "" {
			c.Properties = []property{{"go:sum", d.sum}}
		}
		b.Components = append(b.Components, c)
		all.DependsOn = append(all.DependsOn, c.Ref)
	}
	b.Dependencies = []edges{all}
	sum := sha256.Sum256(fmt.Append(nil, m.revision, m.goVersion, target))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // RFC 9562, version 8
	b.SerialNumber = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	text, err := json.MarshalIndent(b, "", "  ")
	return append(text, '\n'), err
}

func newComponent(kind, path, version string, licences []string) component {
	purl := "pkg:golang/" + path + "@" + url.PathEscape(version)
	c := component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl, Licenses: []licence{}}
	for _, id := range licences {
		var l licence
		l.License.ID = id
		c.Licenses = append(c.Licenses, l)
	}
	return c
}
