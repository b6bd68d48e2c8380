package sigv4

import (
	"strings"
	"time"
)

// maxPostFields bounds the fields of a form before its file, names and values
// together, in bytes (recorded on S3: MaxPostPreDataLengthBytes).
const maxPostFields = 20480

// PostField is a field of a form for upload, of those before the file.
type PostField struct{ Name, Value string }

// PostAuthorization is what a form for upload by POST says about its signature
// (Amazon S3 API Reference, "Browser-Based Uploads Using POST"). Until Verify has
// said nil it is a claim. Its zero value does not verify.
type PostAuthorization struct {
	Signed Authorization

	fields     []PostField
	credential string
	policy     string // as it was sent: the string to sign
}

// The fields of a signed form by the names that S3 gives them in its replies, in
// the order in which it tells of those that are missing.
const (
	postAlgorithm = iota
	postCredential
	postDate
	postSignature
	postPolicy
	postSecurityToken
	postCount
)

var postNames = [postCount]string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature", "Policy", "X-Amz-Security-Token"}

// ParsePost reads what a form says about its signature, by fields whose names
// count in any case. It checks form only: no secret, no clock. What is missing is
// told before what is wrong, and the policy is not looked at (order as recorded
// on S3: a damaged policy is another signature).
//
// ErrMissing: the form has none of the fields of a signature, a policy at most,
// and is anonymous. All other errors are *S3Error. A name that is there twice is
// refused, as nobody could say which of them the policy is about.
func ParsePost(fields []PostField) (*PostAuthorization, error) {
	values, has, err := postValues(fields)
	if err != nil {
		return nil, err
	}
	if !has[postAlgorithm] && !has[postCredential] && !has[postDate] && !has[postSignature] {
		return nil, ErrMissing
	}
	for i, name := range postNames[:postSecurityToken] {
		if !has[i] {
			return nil, missingField(name)
		}
	}
	a := Authorization{Algorithm: values[postAlgorithm], Signature: values[postSignature], SecurityToken: values[postSecurityToken], s3: true}
	if a.Algorithm != V4 {
		return nil, invalidArgument(UnsupportedAlgorithm, "Only AWS4-HMAC-SHA256 is supported", postNames[postAlgorithm], a.Algorithm)
	}
	credential := values[postCredential]
	if err := a.setCredential(credential); err != nil {
		return nil, inForm.badCredential(asError(err), credential)
	}
	if a.AccessKeyID == "" {
		return nil, inForm.credential(CredentialFormat, "a non-empty Access Key (AKID) must be provided in the credential.", credential)
	}
	date := values[postDate]
	if len(date) != len(iso8601Basic) {
		return nil, badPostDate(date)
	}
	if err := a.setTime(date); err != nil {
		if e := asError(err); e.Kind == DateScopeMismatch {
			return nil, inForm.badCredential(e, credential)
		}
		return nil, badPostDate(date)
	}
	return &PostAuthorization{Signed: a, fields: fields, credential: credential, policy: values[postPolicy]}, nil
}

func missingField(name string) *S3Error {
	return invalidArgument(FormField, "Bucket POST must contain a field named '"+name+"'.  If it is specified, please check the order of the fields.", name, "").because(name)
}

func badPostDate(date string) *S3Error {
	return invalidArgument(BadDate, "X-Amz-Date must be formated via ISO8601 Long format", postNames[postDate], date)
}

// postValues finds the fields of the signature.
func postValues(fields []PostField) (values [postCount]string, has [postCount]bool, err error) {
	size := 0
	seen := make(map[string]bool, len(fields))
	for _, field := range fields {
		if size += len(field.Name) + len(field.Value); size > maxPostFields {
			return values, has, s3Error(TooLong, "MaxPostPreDataLengthExceeded", badRequest, "Your POST request fields preceeding the upload file was too large.").
				with("MaxPostPreDataLengthBytes", number(maxPostFields))
		}
		name := strings.ToLower(field.Name)
		if seen[name] {
			return values, has, invalidArgument(FormField, "The form must contain each field only once.", field.Name, "").because("one is there twice")
		}
		seen[name] = true
		for i, known := range postNames {
			if strings.EqualFold(name, known) {
				values[i], has[i] = field.Value, true
			}
		}
	}
	switch {
	case seen["awsaccesskeyid"] || seen["signature"]:
		return values, has, invalidRequest(SignatureVersion2, algorithmMessage)
	case !seen["key"]:
		return values, has, missingField("key")
	}
	return values, has, nil
}

// asError gives an error of this package's own setters as what it is.
func asError(err error) *Error {
	e, _ := err.(*Error) //nolint:errorlint // the setters wrap nothing
	if e == nil {
		e = &Error{}
	}
	return e
}

// CheckScope is S3Authorization's, for the form.
func (p *PostAuthorization) CheckScope(regions ...string) error {
	return p.Signed.checkS3Scope(inForm, regions, p.credential)
}

// maxPostAge is how long a signing key may be used (IAM User Guide, "Signature
// Version 4 for API requests": up to seven days).
const maxPostAge = 7 * 24 * time.Hour

// CheckTime asks that X-Amz-Date is not more than MaxSkew ahead of now, and not
// more than seven days back. What S3 asks of it is not recorded. The policy has
// an end of its own, which PostPolicy.Check asks.
func (p *PostAuthorization) CheckTime(now time.Time) error {
	if p.Signed.Time.After(now.Add(MaxSkew)) {
		return accessDenied(NotYetCurrent, notYetValidMessage)
	}
	if now.Sub(p.Signed.Time) > maxPostAge {
		return policyExpired()
	}
	return nil
}

// Verify asks that the form holds the signature of its policy under the secret,
// and gives the policy, which is parsed after that and not before. An empty
// secret verifies nothing; signatures are compared in constant time.
func (p *PostAuthorization) Verify(secretAccessKey string) (*PostPolicy, error) {
	a := &p.Signed
	if secretAccessKey == "" || !a.s3 || a.Algorithm != V4 {
		return nil, s3Mismatch(Mismatch, a.AccessKeyID, "", a.Signature).because("there is no secret access key to verify it with")
	}
	key := a.signer(secretAccessKey)
	if kind := key.verify([]byte(p.policy), a.Signature); kind != 0 {
		return nil, s3Mismatch(kind, a.AccessKeyID, p.policy, a.Signature)
	}
	policy, err := parsePostPolicy(p.policy)
	if err != nil {
		return nil, err
	}
	policy.fields = p.fields
	return policy, nil
}
