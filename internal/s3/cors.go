package s3

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/store"
)

// Cross-origin resource sharing of a bucket: which pages of other origins a
// browser lets at it. Sources: S3 API Reference, PutBucketCors and CORSRule; S3
// User Guide, "Using cross-origin resource sharing (CORS)"; sentences as users of
// S3 published them.

const (
	// maxCORSRules is S3's (S3 User Guide, "Elements of a CORS configuration").
	maxCORSRules = 100
	// maxCORS is in bytes (S3 API Reference, PutBucketCors: 64 KB).
	maxCORS = 64 << 10
	// maxCORSID is in characters (S3 API Reference, CORSRule).
	maxCORSID = 255
)

// corsMethods are those that a rule can allow.
var corsMethods = []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodHead}

// corsConfiguration is as S3 writes it, in its order.
type corsConfiguration struct {
	XMLName xml.Name      `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CORSConfiguration"`
	Rules   []corsXMLRule `xml:"CORSRule"`
}

type corsXMLRule struct {
	ID             string   `xml:",omitempty"`
	AllowedMethods []string `xml:"AllowedMethod"`
	AllowedOrigins []string `xml:"AllowedOrigin"`
	AllowedHeaders []string `xml:"AllowedHeader"`
	MaxAgeSeconds  *int32
	ExposeHeaders  []string `xml:"ExposeHeader"`
}

func (q *request) getBucketCORS() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	if at.bucket == nil {
		if err := q.mustExist(at); err != nil {
			return nil, err
		}
	}
	if at.bucket == nil || len(at.bucket.CORS) == 0 {
		return nil, notConfigured("NoSuchCORSConfiguration", "The CORS configuration does not exist")(q.op.Bucket)
	}
	var configuration corsConfiguration
	for _, r := range at.bucket.CORS {
		configuration.Rules = append(configuration.Rules, corsXMLRule{r.ID, r.AllowedMethods, r.AllowedOrigins, r.AllowedHeaders, r.MaxAgeSeconds, r.ExposeHeaders})
	}
	return document(configuration)
}

func (q *request) putBucketCORS() (*answer, error) {
	rules, err := readCORS(q.document)
	if err != nil {
		return nil, err
	}
	return withStatus(http.StatusOK)(q.changeBucket(func(b *store.Bucket) error {
		b.CORS = rules
		return nil
	}))
}

func (q *request) deleteBucketCORS() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	if at.bucket == nil || len(at.bucket.CORS) == 0 {
		return empty(http.StatusNoContent), q.bucketMustExist()
	}
	return q.changeBucket(func(b *store.Bucket) error {
		b.CORS = nil
		return nil
	})
}

// readCORS reads a configuration: first its form, of the whole, then what the
// rules say, of each in turn.
func readCORS(body []byte) ([]store.CORSRule, error) {
	if len(body) > maxCORS {
		return nil, fault("MaxMessageLengthExceeded", http.StatusBadRequest, "Your request was too big.").with("MaxMessageLengthBytes", strconv.Itoa(maxCORS))
	}
	root, err := parseDocument(body, "CORSConfiguration")
	if err != nil {
		return nil, err
	}
	if len(root.Children) == 0 || len(root.Children) > maxCORSRules {
		return nil, malformedXML().because(fmt.Errorf("it has %d rules, and may have 1 to %d", len(root.Children), maxCORSRules))
	}
	rules := make([]store.CORSRule, 0, len(root.Children))
	for _, child := range root.Children {
		rule, err := readCORSRule(child)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	for i := range rules {
		if err := checkCORSRule(&rules[i]); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

func readCORSRule(n *node) (rule store.CORSRule, err error) {
	if err := n.check("CORSRule"); err != nil {
		return rule, err
	}
	var ids, ages []string
	err = n.texts(map[string]*[]string{
		"ID": &ids, "AllowedOrigin": &rule.AllowedOrigins, "AllowedMethod": &rule.AllowedMethods, "AllowedHeader": &rule.AllowedHeaders,
		"ExposeHeader": &rule.ExposeHeaders, "MaxAgeSeconds": &ages,
	})
	if err != nil {
		return rule, err
	}
	if len(rule.AllowedOrigins) == 0 || len(rule.AllowedMethods) == 0 {
		return rule, malformedXML().because(errors.New("a rule lacks its AllowedOrigin or AllowedMethod"))
	}
	if rule.ID, _, err = one(ids); err != nil {
		return rule, err
	}
	if len([]rune(rule.ID)) > maxCORSID {
		return rule, malformedXML().because(errors.New("an ID is longer than 255 characters"))
	}
	text, there, err := one(ages)
	if err != nil || !there {
		return rule, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil || seconds < 0 {
		return rule, malformedXML().because(errors.New("MaxAgeSeconds is no number of seconds"))
	}
	age := int32(seconds)
	rule.MaxAgeSeconds = &age
	return rule, nil
}

// checkCORSRule says of what is wrong with a rule what S3 says. That a header's
// name must be one, S3 asks of AllowedHeader alone; of ExposeHeader it is asked
// too, because those are written into replies.
func checkCORSRule(r *store.CORSRule) error {
	invalid := func(message string) error { return fault("InvalidRequest", http.StatusBadRequest, message) }
	for _, method := range r.AllowedMethods {
		if !slices.Contains(corsMethods, method) {
			return invalid("Found unsupported HTTP method in CORS config. Unsupported method is " + short(method))
		}
	}
	for _, origin := range r.AllowedOrigins {
		if strings.Count(origin, "*") > 1 {
			return invalid(`AllowedOrigin "` + short(origin) + `" can not have more than one wildcard.`)
		}
	}
	for _, header := range r.AllowedHeaders {
		if strings.Count(header, "*") > 1 {
			return invalid(`AllowedHeader "` + short(header) + `" can not have more than one wildcard.`)
		}
		if !isToken(header) {
			return invalid(`AllowedHeader "` + short(header) + `" contains invalid character.`)
		}
	}
	for _, header := range r.ExposeHeaders {
		if strings.Contains(header, "*") {
			return invalid(`ExposeHeader "` + short(header) + `" contains wildcard. We currently do not support wildcard for ExposeHeader.`)
		}
		if !isToken(header) {
			return invalid(`ExposeHeader "` + short(header) + `" contains invalid character.`)
		}
	}
	return nil
}

// isToken says whether a text can be a header's name (RFC 9110, section 5.6.2). An
// empty one is none, and does no harm.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return true
}

// short bounds what a sentence repeats of a request: sentences are in the events.
func short(text string) string {
	const most = 256
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "… (cut)"
}
