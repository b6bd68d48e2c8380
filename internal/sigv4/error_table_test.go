package sigv4

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

// signingForms are right requests of all forms, in the region us-east-1 and for
// the service sts at 2026-09-11 12:00, but for their signature.
func signingForms() map[string]*Request {
	return map[string]*Request{
		"header": signedWith(goodHeader), "header 4A": signedWith4A("us-east-1"),
		"query": presigned(nil), "query 4A": presigned(func(q url.Values) {
			q.Set("X-Amz-Algorithm", V4A)
			q.Set("X-Amz-Credential", "AKIDEXAMPLE/20260911/sts/aws4_request")
			q.Set("X-Amz-Region-Set", "us-east-1")
		}),
	}
}

// judge asks all questions in AWS's order.
func judge(r *Request, secret string, now time.Time) error {
	a, err := Parse(r)
	if err != nil {
		return err
	}
	if err := a.CheckService("sts"); err != nil {
		return err
	}
	if err := a.CheckTime(now); err != nil {
		return err
	}
	return a.Verify(r, secret)
}

// respell changes what a request says of its signature, in header or query, and
// signs it anew where it can still be read.
func respell(t *testing.T, r *Request, old, now string) {
	t.Helper()
	if header := r.Header["Authorization"]; header != nil {
		r.Header["Authorization"] = []string{strings.ReplaceAll(header[0], old, now)}
	}
	for _, name := range []string{"X-Amz-Region-Set", "X-Amz-Date"} {
		if values := r.Header[name]; values != nil {
			r.Header[name] = []string{strings.ReplaceAll(values[0], old, now)}
		}
	}
	r.RequestURI = strings.ReplaceAll(r.RequestURI, url.QueryEscape(old), url.QueryEscape(now))
	if a, err := Parse(r); err == nil {
		if signAgain(t, a, r); a.InQuery {
			r.RequestURI = strings.Replace(r.RequestURI, "=0123", "="+a.Signature, 1)
		} else {
			r.Header["Authorization"] = []string{strings.Replace(r.Header["Authorization"][0], "=0123", "="+a.Signature, 1)}
		}
	}
}

// TestErrorTable holds each refusal against AWS's sentence, in all forms of
// signature. What differs between them is in the tables of Parse.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	const (
		date    = "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601"
		service = "Credential should be scoped to correct service: 'sts'. "
		region  = "Credential should be scoped to a valid region. "
		expired = "Signature expired: 20260911T120000Z is now earlier than 20260911T120001Z (20260911T121501Z - 15 min.)"
		early   = "Signature not yet current: 20260911T120000Z is still later than 20260911T115959Z (20260911T114459Z + 15 min.)"
	)
	at := time.Date(2026, 9, 11, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, old, now string
		shift          time.Duration
		secret         string
		kind           Kind
		incomplete     bool
		message        string
	}{
		{name: "right"},
		{name: "15 minutes old", shift: MaxSkew},
		{name: "15 minutes ahead", shift: -MaxSkew},
		{"no region", "us-east-1", "us_east_1", 0, "", Region, false, region},
		{"another service", "/sts/", "/s3/", 0, "", Service, false, service},
		{"no service", "/sts/", "//", 0, "", Service, false, service},
		{"another service, expired", "/sts/", "/s3/", MaxSkew + time.Second, "", Service, false, service},
		{"another terminator", "/aws4_request", "/aws4", 0, "", Terminator, false, "Credential should be scoped with a valid terminator: 'aws4_request'"},
		{"another day", "/20260911/", "/20260912/", 0, "", DateScopeMismatch, false, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"},
		{"expired", "", "", MaxSkew + time.Second, "", Expired, false, expired},
		{"expired, wrong secret", "", "", MaxSkew + time.Second, "x", Expired, false, expired},
		{"not yet current", "", "", -MaxSkew - time.Second, "", NotYetCurrent, false, early},
		{"wrong secret", "", "", 0, "x", Mismatch, false, mismatchMessage},
		{"host not signed", "host;", "", 0, "", HostNotSigned, false, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"no date that can be read", "20260911T120000Z", "yesterday", 0, "", BadDate, true, date},
	} {
		for form, r := range signingForms() {
			respell(t, r, tt.old, tt.now)
			err := judge(r, testSecret+tt.secret, at.Add(tt.shift))
			var e *Error
			if tt.message == "" {
				if err != nil {
					t.Errorf("%s, %s: %v", form, tt.name, err)
				}
				continue
			}
			if !errors.As(err, &e) || e.Kind != tt.kind || e.Incomplete() != tt.incomplete || e.Message != tt.message {
				t.Errorf("%s, %s: %v\n%#v\nwant kind %d, incomplete %v,\n%s", form, tt.name, err, err, tt.kind, tt.incomplete, tt.message)
			}
		}
	}
}
