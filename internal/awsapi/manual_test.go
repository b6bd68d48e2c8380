package awsapi

import (
	"bytes"
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/daypass/daypass/internal/goldentest"
)

var update = flag.Bool("update", false, "write docs/errors.md")

const errorsHead = `<!-- Made from the tables in internal/awsapi by their test. Do not edit. -->

# Errors

What a caller sees of what went wrong. Each fault has a kind, which the event of the request names (` + "`fault`" + `), and each dialect has its own code and status for the kind, as AWS does. Why it was, the caller is not told unless ` + "`--explain-to-caller`" + ` is on: the event has it (` + "`reason`, `reasons`" + `), and [docs/causes.md](causes.md) lists the causes of a denied token.

Beside these a service has errors of its own (` + "`NoSuchEntity`, `MalformedPolicyDocument`, `ResourceNotFoundException`" + ` …), with the codes of its API Reference; their kind is ` + "`Modelled`" + `. A fault that nobody has classified is ` + "`Internal`" + `, and tells a caller nothing.

| Kind | what it means |
|---|---|
`

// kindMeanings say what each kind means, for people.
var kindMeanings = map[Kind]string{
	Internal:                "a fault of the server or of what it stands on: the log has it under the request's id",
	MissingAuthentication:   "the request is not signed",
	MalformedAuthentication: "the signature cannot be read, or lacks a part",
	UnknownAccessKey:        "no such access key, a deactivated one, a session token that is not this server's, or a session whose role or user is gone",
	SignatureMismatch:       "the signature is another: a wrong secret, or something changed on the way",
	ExpiredCredentials:      "temporary credentials are over, or were revoked",
	ClockSkew:               "the request's time is too far from the server's",
	PayloadMismatch:         "the body is not the one that was signed",
	AccessDenied:            "the policies do not allow it",
	UnknownOperation:        "there is no such operation here",
	MalformedInput:          "the request cannot be read",
	InvalidInput:            "a parameter is missing, or is what it must not be",
	Throttled:               "too much at once; SDKs try again by themselves",
	Unavailable:             "the store does not answer, and nothing is decided on what was known of it (docs/clusters.md), or the record cannot be delivered to a sink that must have it (docs/audit.md); SDKs try again by themselves",
}

// errorsManual writes docs/errors.md.
func errorsManual() []byte {
	var b bytes.Buffer
	b.WriteString(errorsHead)
	for kind := Internal; kind < Modelled; kind++ {
		fmt.Fprintf(&b, "| %s | %s |\n", kind, kindMeanings[kind])
	}
	for _, of := range []struct {
		dialect *Dialect
		who     string
	}{
		{Query, "STS, IAM and Daypass's own operations; behind the gateway the services of the Query protocol and those of REST with XML"},
		{JSON11, "Secrets Manager (whose `Internal` is `InternalServiceError`) and Daypass's own operations in JSON; behind the gateway the services of JSON and CBOR"},
		{RESTJSON, "behind the gateway the services of REST with JSON, such as AWS Lambda"},
		{EC2Query, "behind the gateway Amazon EC2"},
	} {
		fmt.Fprintf(&b, "\n## %s\n\nSpoken by %s.\n\n| Kind | Status | Code | Message, where the fault brings none |\n|---|---|---|---|\n", of.dialect.Name, of.who)
		for kind := Internal; kind < Modelled; kind++ {
			row := of.dialect.errors[kind]
			fmt.Fprintf(&b, "| %s | %d | `%s` | %s |\n", kind, row.Status, row.Code, row.Message)
		}
	}
	b.WriteString("\n## S3\n\nS3's errors tell more than a kind (which header was not signed, what was hashed), and have their own codes: those of the S3 API Reference, \"Error responses\". A denial is `AccessDenied` 403, an expired session `ExpiredToken` 400, a key that is not known `InvalidAccessKeyId` 403, too much at once `SlowDown` 503, a store that does not answer `ServiceUnavailable` 503.\n")
	return b.Bytes()
}

// TestErrorsManual keeps docs/errors.md what the tables are, and the tables whole: a
// kind without a row in a dialect would be answered as a fault of the server's.
func TestErrorsManual(t *testing.T) {
	t.Parallel()
	for kind := Internal; kind < Modelled; kind++ {
		if kindMeanings[kind] == "" {
			t.Errorf("%s has no words", kind)
		}
		for _, d := range []*Dialect{Query, JSON11, RESTJSON, EC2Query} {
			if row := d.errors[kind]; row.Code == "" || row.Status < 400 {
				t.Errorf("%s has no row for %s", d.Name, kind)
			}
		}
	}
	path := filepath.Join("..", "..", "docs", "errors.md")
	got := errorsManual()
	goldentest.Compare(t, *update, path, got)
}
