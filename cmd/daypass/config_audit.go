package main

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/audit/sink"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// auditConfiguration is how long the record of requests is kept, and what becomes of it
// beside its files.
type auditConfiguration struct {
	// KeepFor is how long events are kept, such as `2160h` for 90 days; 48h at least,
	// since sessions last up to 36 hours. A file goes as a whole, so events stay up to a
	// day longer. By default they are kept for ever. See docs/audit.md.
	KeepFor *duration `yaml:"keepFor"`
	// KeepBytes is how many bytes the files of events and their indexes may have before
	// the oldest go; 100000000 at least. By default any number.
	KeepBytes *int64 `yaml:"keepBytes"`
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
	// Type is `stdout`, `syslog`, `webhook` or `s3`. Each entry needs one.
	Type string `yaml:"type"`
	// URL is where a webhook posts to: https, or http to loopback.
	URL string `yaml:"url"`
	// AuthorizationFile is a file with the value of a webhook's header
	// `Authorization`, such as `Bearer …`. It is read for each batch.
	AuthorizationFile string `yaml:"authorizationFile"`
	// Address is that of a syslog daemon: `tls://HOST:PORT`, `tcp://HOST:PORT`, which
	// is not encrypted, or `unix:///PATH`.
	Address string `yaml:"address"`
	// Bucket is the bucket of S3 that batches are put into.
	Bucket string `yaml:"bucket"`
	// Prefix is what the keys of a bucket's objects begin with, such as `daypass/`.
	Prefix string `yaml:"prefix"`
	// Endpoint is the URL of the store that has the bucket: https, or http to loopback.
	// By default it is AWS's.
	Endpoint string `yaml:"endpoint"`
	// Region is the bucket's. By default it is `us-east-1`.
	Region string `yaml:"region"`
	// CredentialsFile is a file in the format of AWS's credentials. Without it
	// credentials are found as the AWS SDKs find them: environment, shared files, the
	// machine's role.
	CredentialsFile string `yaml:"credentialsFile"`
	// Profile is the profile in that file, or in the shared ones. By default it is
	// `default`.
	Profile string `yaml:"profile"`
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
	// BatchEvery is how long a batch waits to become full. By default it is `5s` with
	// webhook and s3; other sinks wait for nothing.
	BatchEvery duration `yaml:"batchEvery"`
}

const (
	leastKeepFor   = 48 * time.Hour // beyond the longest session: STS GetSessionToken, 36 hours
	leastKeepBytes = 100_000_000    // some files of audit.SegmentBytes
)

// retention says how long the record is kept.
func (c *auditConfiguration) retention() (audit.Retention, error) {
	var keep audit.Retention
	if c.KeepFor != nil {
		keep.For = time.Duration(*c.KeepFor)
		if keep.For < leastKeepFor {
			return keep, usageError{fmt.Errorf("configuration: audit.keepFor is %v; 48h is the least, so that the exchange behind each session is on the record; leave it out to keep events for ever", keep.For)}
		}
	}
	if c.KeepBytes != nil {
		keep.Bytes = *c.KeepBytes
		if keep.Bytes < leastKeepBytes {
			return keep, usageError{fmt.Errorf("configuration: audit.keepBytes is %d; %d is the least; leave it out to keep any number", keep.Bytes, leastKeepBytes)}
		}
	}
	return keep, nil
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
		{"url", s.URL, "webhook"},
		{"authorizationFile", s.AuthorizationFile, "webhook"},
		{"address", s.Address, "syslog"},
		{"bucket", s.Bucket, "s3"},
		{"prefix", s.Prefix, "s3"},
		{"endpoint", s.Endpoint, "s3"},
		{"region", s.Region, "s3"},
		{"credentialsFile", s.CredentialsFile, "s3"},
		{"profile", s.Profile, "s3"},
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
	case "s3":
		client, err := s.bucketClient(roots)
		if err != nil {
			return nil, err
		}
		return sink.NewS3(sink.Bucket{Client: client, Name: s.Bucket, Prefix: s.Prefix})
	}
	return nil, fmt.Errorf("type %q is none of stdout, syslog, webhook and s3", s.Type)
}

// bucketClient is a client of the store with the bucket. It does not try again: the
// sink does.
func (s *sinkConfiguration) bucketClient(roots *x509.CertPool) (*s3.Client, error) {
	credentials, err := credentialsFor("the bucket's", s.CredentialsFile, s.Profile)
	if err != nil {
		return nil, err
	}
	o := s3.Options{Region: s.Region, Credentials: credentials, Retryer: aws.NopRetryer{}}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if s.Endpoint != "" {
		if err := sink.CheckURL("endpoint", s.Endpoint); err != nil {
			return nil, err
		}
		o.BaseEndpoint, o.UsePathStyle = &s.Endpoint, true
	}
	o.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig.RootCAs = roots })
	return s3.New(o), nil
}
