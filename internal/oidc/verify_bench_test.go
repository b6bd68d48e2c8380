package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

// gitlabClaims fill a token to the size of GitLab's.
func gitlabClaims() map[string]any {
	claims := map[string]any{}
	for _, name := range strings.Fields("namespace_id namespace_path project_id project_path user_id user_login user_email user_access_level job_project_id job_project_path job_namespace_id job_namespace_path pipeline_id pipeline_source job_id ref ref_type ref_path ref_protected runner_environment sha project_visibility ci_config_ref_uri ci_config_sha job_source") {
		claims[name] = "my-group/my-project-714a629c0"
	}
	return claims
}

func BenchmarkVerify(b *testing.B) {
	for _, s := range []*signer{rs256(), es256()} {
		raw := s.sign(b, payload(b, gitlabClaims()), nil)
		keys := keySet(b, s.jwk(b, nil))
		b.Run(string(s.alg)+"/ParseAndVerify", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := admit(raw, keys); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(s.alg)+"/Parse", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
		input, last, _ := cutLast(raw)
		signature, err := base64.RawURLEncoding.DecodeString(last)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(string(s.alg)+"/BareCrypto", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				digest := sha256.Sum256([]byte(input))
				ok := false
				switch public := s.public.(type) {
				case *rsa.PublicKey:
					ok = rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
				case *ecdsa.PublicKey:
					ok = ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
				}
				if !ok {
					b.Fatal("the bare verification fails")
				}
			}
		})
	}
}

// cutLast splits a token before its signature.
func cutLast(raw string) (input, signature string, ok bool) {
	i := strings.LastIndexByte(raw, '.')
	if i < 0 {
		return raw, "", false
	}
	return raw[:i], raw[i+1:], true
}
