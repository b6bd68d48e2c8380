package doctor

import (
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/jwks"
)

// maxPins is IAM's (IAM API Reference, CreateOpenIDConnectProvider,
// ThumbprintList; that five are taken was recorded on AWS, 2026-09).
const maxPins = 5

// examineThumbprint is D11. AWS pins the host of jwks_uri, by the last
// certificate that is sent (IAM User Guide, "Obtain the thumbprint for an OpenID
// Connect identity provider").
func (e *issuerExam) examineThumbprint(ofIssuer, ofKeys *tlsView) {
	v := ofKeys
	if v == nil || len(v.chain) == 0 {
		return
	}
	last := v.chain[len(v.chain)-1]
	counts := v.byThumbprint()
	used := "AWS does not look at it while a public authority vouches for the host"
	switch {
	case e.For == Daypass && v.private: // and TLS 1.3 is no matter
		counts, used = false, "a server with --issuer-ca does not look at it"
	case counts:
		used = "AWS goes by it"
	}
	e.ok("D11", "%s: %s, of %s, the last certificate that is sent (%s); %s", v.host, jwks.Thumbprint(last), nameOf(last), roleOf(v, last), used)
	if e.c.Thumbprints == nil {
		if counts {
			e.found("thumbprint-needed", "--thumbprint-list %s", jwks.Thumbprint(last))
		}
		return
	}
	e.examinePins(v, ofIssuer, counts)
}

// examinePins compares the registered thumbprints. Counts says that they count.
func (e *issuerExam) examinePins(v, ofIssuer *tlsView, counts bool) {
	pins := e.c.Thumbprints
	if len(pins) > maxPins {
		e.found("thumbprint-many", "%d were given", len(pins))
	}
	for _, pin := range pins {
		if _, err := hex.DecodeString(pin); err != nil || len(pin) != 40 {
			e.found("thumbprint-form", "%s", shown(pin))
		}
	}
	pinned := func(c *x509.Certificate) bool {
		return slices.ContainsFunc(pins, func(p string) bool { return strings.EqualFold(p, jwks.Thumbprint(c)) })
	}
	last := v.chain[len(v.chain)-1]
	if pinned(last) {
		return
	}
	want := fmt.Sprintf("registered are %s; the one to register is %s", strings.Join(pins, ", "), jwks.Thumbprint(last))
	if !counts {
		e.found("thumbprint-unused", "%s", want)
		return
	}
	if i := slices.IndexFunc(v.chain, pinned); i >= 0 {
		e.found("thumbprint-other-certificate", "the one registered is of number %d, %s (%s); %s", i, nameOf(v.chain[i]), roleOf(v, v.chain[i]), want)
		return
	}
	if ofIssuer != nil && ofIssuer.host != v.host && slices.ContainsFunc(ofIssuer.chain, pinned) {
		e.found("thumbprint-other-host", "the one registered is of %s, and jwks_uri is at %s; %s", ofIssuer.host, v.host, want)
		return
	}
	e.found("thumbprint-stale", "%s", want)
}
