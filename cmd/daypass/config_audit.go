package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/daypass/daypass/internal/audit/sink"
)

// auditConfiguration is what becomes of the record of requests beside its files.
type auditConfiguration struct {
	// Sinks are where events are handed on to, each on its own. `events` must then be
	// a file whose name ends with .jsonl. See docs/audit.md.
	Sinks []sinkConfiguration `yaml:"sinks"`
}

// sinkConfiguration is an entry of `audit.sinks`. For example:
//
//	audit:
//	  sinks:
//	    - name: siem
//	      type: webhook
//	      url: https://siem.example.com/daypass
//	      authorizationFile: siem-token
//	      onFailure: fail-closed
//	      behindFor: 5m
//	    - name: local
//	      type: syslog
//	      address: unix:///dev/log
type sinkConfiguration struct {
	// Name is what the sink's place in the record is remembered by; a sink with a new
	// name begins anew. It has letters, digits and hyphens. Each entry needs one.
	Name string `yaml:"name"`
	// Type is `stdout`, `syslog` or `webhook`. Each entry needs one.
	Type string `yaml:"type"`
	// URL is where a webhook posts to: https, or http to loopback.
	URL string `yaml:"url"`
	// AuthorizationFile is a file with the value of a webhook's header
	// `Authorization`, such as `Bearer …`. It is read for each batch.
	AuthorizationFile string `yaml:"authorizationFile"`
	// Address is that of a syslog daemon: `tls://HOST:PORT`, `tcp://HOST:PORT`, which
	// is not encrypted, or `unix:///PATH`.
	Address string `yaml:"address"`
	// CA is a file of certificate authorities, in PEM form, the only ones that vouch
	// for the receiver.
	CA string `yaml:"ca"`
	// Format is `record`, the line as it stands in the record, or `cloudtrail`, a
	// record of AWS CloudTrail's form. By default it is `record`.
	Format string `yaml:"format"`
	// FromBeginning has a new sink begin with the oldest event that there is; by
	// default it begins with the next.
	FromBeginning bool `yaml:"fromBeginning"`
	// OnFailure says what happens while the sink is further behind than it may be:
	// `fail-closed` refuses all requests, `count` gives the oldest events up for this
	// sink and counts them. By default it is `count`.
	OnFailure string `yaml:"onFailure"`
	// BehindEvents is how many events the sink may be behind. By default it is
	// 1000000.
	BehindEvents uint64 `yaml:"behindEvents"`
	// BehindBytes is how many bytes of events it may be behind. By default it is
	// 1073741824.
	BehindBytes int64 `yaml:"behindBytes"`
	// BehindFor is how old the oldest event may be that the sink has not taken, such
	// as `5m`. By default age does not count.
	BehindFor duration `yaml:"behindFor"`
	// BatchEvents is how many events are sent at once, at most. By default it is 1000.
	BatchEvents int `yaml:"batchEvents"`
	// BatchEvery is how long a webhook's batch waits to become full. By default it is
	// `5s`; other sinks wait for nothing.
	BatchEvery duration `yaml:"batchEvery"`
}

// sinks are those of the record, as the server takes them.
func (c *auditConfiguration) sinks() ([]sink.Config, error) {
	var all []sink.Config
	for i := range c.Sinks {
		s := &c.Sinks[i]
		config := sink.Config{
			Name: s.Name, FromBeginning: s.FromBeginning,
			Bounds: sink.Bounds{Events: s.BehindEvents, Bytes: s.BehindBytes, Age: time.Duration(s.BehindFor)},
			Batch:  sink.Batch{Events: s.BatchEvents, Every: time.Duration(s.BatchEvery)},
		}
		err := s.choose(&config)
		if err == nil {
			config.Target, err = s.target()
		}
		if err != nil {
			return nil, usageError{fmt.Errorf("configuration: audit.sinks[%d] %s: %w", i, s.Name, err)}
		}
		all = append(all, config)
	}
	return all, nil
}

// choose reads what is one of some words.
func (s *sinkConfiguration) choose(c *sink.Config) error {
	switch s.OnFailure {
	case "", "count":
	case "fail-closed":
		c.Refuse = true
	default:
		return fmt.Errorf("onFailure %q is neither fail-closed nor count", s.OnFailure)
	}
	switch s.Format {
	case "", "record":
	case "cloudtrail":
		c.CloudTrail = true
	default:
		return fmt.Errorf("format %q is neither record nor cloudtrail", s.Format)
	}
	if s.BehindBytes < 0 {
		return fmt.Errorf("behindBytes is %d; write how many bytes the sink may be behind", s.BehindBytes)
	}
	return nil
}

// target is where events go. A key of another type is refused: it would do nothing.
func (s *sinkConfiguration) target() (sink.Target, error) {
	for _, k := range []struct{ key, value, of string }{
		{"url", s.URL, "webhook"}, {"authorizationFile", s.AuthorizationFile, "webhook"}, {"address", s.Address, "syslog"},
	} {
		if k.value != "" && k.of != s.Type {
			return nil, fmt.Errorf("%s is for the type %s, not %q", k.key, k.of, s.Type)
		}
	}
	var roots *x509.CertPool
	if s.CA != "" {
		if s.Type == "stdout" {
			return nil, fmt.Errorf("ca is not for the type stdout")
		}
		var err error
		if roots, err = withCertificates(x509.NewCertPool(), s.CA); err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
	}
	switch s.Type {
	case "stdout":
		return sink.NewStdout(os.Stdout), nil
	case "syslog":
		return sink.NewSyslog(sink.Syslog{Address: s.Address, Roots: roots, Now: time.Now})
	case "webhook":
		return sink.NewWebhook(sink.Webhook{URL: s.URL, AuthorizationFile: s.AuthorizationFile, Roots: roots})
	}
	return nil, fmt.Errorf("type %q is none of stdout, syslog and webhook", s.Type)
}
