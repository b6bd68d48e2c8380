package sigv4

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
)

// SignS3 signs a request to S3 in the Authorization header, by Version 4, as
// ParseS3 and Verify want it: host, Content-MD5 and every header x-amz-* are
// signed. It sets X-Amz-Date, X-Amz-Content-Sha256, which is PayloadHash, and
// Authorization; nothing else of r is changed.
//
// It is for a store that is asked for each request that comes here, where the
// signer of an SDK is a tenth of the whole.
func SignS3(r *Request, accessKeyID, secretAccessKey, region string, now time.Time) error {
	if secretAccessKey == "" || r.PayloadHash == "" {
		return errors.New("sigv4: to sign, a secret access key and the body's hash are needed")
	}
	now = now.UTC()
	a := Authorization{Algorithm: V4, AccessKeyID: accessKeyID, Date: now.Format("20060102"), Region: region, Service: "s3", Time: now}
	delete(r.Header, "Authorization")
	r.Header["X-Amz-Date"] = []string{now.Format(iso8601Basic)}
	r.Header["X-Amz-Content-Sha256"] = []string{r.PayloadHash}
	var names [16]string
	a.SignedHeaders = append(names[:0], "host")
	for name := range r.Header {
		if hasPrefixFold(name, "X-Amz-") || strings.EqualFold(name, contentMD5) {
			a.SignedHeaders = append(a.SignedHeaders, strings.ToLower(name))
		}
	}
	slices.Sort(a.SignedHeaders)
	var space [2048]byte
	canonical, err := canonicalRequest(space[:0], r, a.SignedHeaders, form{path: pathVerbatim})
	if err != nil {
		return err
	}
	var text [256]byte
	key := signingKey(secretAccessKey, a.Date, a.Region, a.Service)
	sum := mac(key[:], a.stringToSign(text[:0], canonical))
	b := append(space[:0], V4+" Credential="...) // the canonical request is over
	b = append(append(b, accessKeyID...), '/')
	b = append(append(b, a.Date...), '/')
	b = append(append(b, region...), "/s3/"+terminator+", SignedHeaders="...)
	b = append(appendNames(b, a.SignedHeaders), ", Signature="...)
	r.Header["Authorization"] = []string{string(hex.AppendEncode(b, sum[:]))}
	return nil
}
