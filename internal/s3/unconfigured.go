package s3

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
)

// What a bucket of S3 can be told to do and no bucket here does: to expire
// objects, to replicate, notify, log, be a website, be counted. To read such a
// configuration answers as S3 does for a bucket that nobody configured, so that
// what reads them all (consoles, Terraform) goes on. To delete it succeeds. To put
// one is refused, unless it says what is so anyway.
//
// The answers are those recorded on S3 in September 2026, of a bucket made that
// day, but for the encryption: S3 encrypts every object and says so; whether a
// store here does, nobody here knows, so the answer is S3's of before January 2023
// (S3 User Guide, "Amazon S3 now automatically encrypts all new objects").

// missing are the refusals of what was never configured.
var missing = map[string]func(bucket string) *refused{
	"GetBucketLifecycleConfiguration": notConfigured("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
	"GetBucketReplication":            notConfigured("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
	"GetBucketWebsite":                notConfigured("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
	"GetBucketEncryption":             notConfigured("ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found"),

	"GetBucketAnalyticsConfiguration":             noSuchConfiguration,
	"GetBucketIntelligentTieringConfiguration":    noSuchConfiguration,
	"GetBucketInventoryConfiguration":             noSuchConfiguration,
	"GetBucketMetricsConfiguration":               noSuchConfiguration,
	"DeleteBucketAnalyticsConfiguration":          noSuchConfiguration,
	"DeleteBucketIntelligentTieringConfiguration": noSuchConfiguration,
	"DeleteBucketInventoryConfiguration":          noSuchConfiguration,
	"DeleteBucketMetricsConfiguration":            noSuchConfiguration,
}

func notConfigured(code, message string) func(string) *refused {
	return func(bucket string) *refused {
		return fault(code, http.StatusNotFound, message).with("BucketName", bucket)
	}
}

// noSuchConfiguration names nothing, as recorded. That a deletion has it too is
// what Terraform's and Ansible's modules for S3 reckon with.
func noSuchConfiguration(string) *refused {
	return fault("NoSuchConfiguration", http.StatusNotFound, "The specified configuration does not exist.")
}

// unconfigured are the documents of what every bucket is.
var unconfigured = map[string]any{
	"GetBucketAbac": struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ AbacStatus"`
		Status  string
	}{Status: "Disabled"},
	"GetBucketAccelerateConfiguration": struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ AccelerateConfiguration"`
	}{},
	"GetBucketLogging": struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ BucketLoggingStatus"`
	}{},
	"GetBucketNotificationConfiguration": struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ NotificationConfiguration"`
	}{},
	"GetBucketRequestPayment": struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ RequestPaymentConfiguration"`
		Payer   string
	}{Payer: "BucketOwner"},
}

// emptyLists are the roots of the lists of configurations.
var emptyLists = map[string]string{
	"ListBucketAnalyticsConfigurations":          "ListBucketAnalyticsConfigurationsResult",
	"ListBucketIntelligentTieringConfigurations": "ListIntelligentTieringConfigurationsResult",
	"ListBucketInventoryConfigurations":          "ListInventoryConfigurationsResult",
	"ListBucketMetricsConfigurations":            "ListMetricsConfigurationsResult",
}

type emptyList struct {
	XMLName           xml.Name
	IsTruncated       bool
	ContinuationToken *string
}

// withUnconfigured adds all of them to the operations that are answered here.
func withUnconfigured(operations map[string]func(*request) (*answer, error)) map[string]func(*request) (*answer, error) {
	for _, name := range []string{"DeleteBucketLifecycle", "DeleteBucketEncryption", "DeleteBucketReplication", "DeleteBucketWebsite"} {
		operations[name] = (*request).ofNoConfiguration
	}
	for name := range missing {
		operations[name] = (*request).ofNoConfiguration
	}
	for name := range unconfigured {
		operations[name] = (*request).ofNoConfiguration
	}
	for name := range emptyLists {
		operations[name] = (*request).ofNoConfiguration
	}
	for name := range asItIs {
		operations[name] = (*request).putAsItIs
	}
	return operations
}

// ofNoConfiguration reads or deletes what no bucket has.
func (q *request) ofNoConfiguration() (*answer, error) {
	if err := q.bucketMustExist(); err != nil {
		return nil, err
	}
	if refusal, ok := missing[q.op.Name]; ok {
		return nil, refusal(q.op.Bucket)
	}
	if value, ok := unconfigured[q.op.Name]; ok {
		return document(value)
	}
	root, ok := emptyLists[q.op.Name]
	if !ok { // a deletion
		return empty(http.StatusNoContent), nil
	}
	list := emptyList{XMLName: xml.Name{Space: namespace, Local: root}}
	if token, asked := q.op.Parameter("continuation-token"); asked {
		if token != "" { // such a list was never so long that one was given out
			return nil, fault("MalformedContinuationToken", http.StatusBadRequest, "The continuation-token you provided invalid.")
		}
		list.ContinuationToken = &token
	}
	return document(list)
}

// bucketMustExist asks the store for a bucket that has no record here.
func (q *request) bucketMustExist() error {
	at, err := q.place(q.op.Bucket)
	if err != nil || at.bucket != nil {
		return err
	}
	return q.mustExist(at)
}

// asItIs are the operations that put what can be so anyway: the root of the
// document, and the one element that it may have with the values that change
// nothing. Of an element that is not known the operation is refused by its words
// in notCarriedOut.
var asItIs = map[string]struct {
	root, element string
	values        []string
	others        []string // values that S3 has and that are refused
}{
	"PutBucketAbac":                      {"AbacStatus", "Status", []string{"Disabled"}, []string{"Enabled"}},
	"PutBucketAccelerateConfiguration":   {"AccelerateConfiguration", "Status", []string{"Suspended"}, []string{"Enabled"}},
	"PutBucketLogging":                   {root: "BucketLoggingStatus"},
	"PutBucketNotificationConfiguration": {root: "NotificationConfiguration"},
	"PutBucketRequestPayment":            {"RequestPaymentConfiguration", "Payer", []string{"BucketOwner"}, []string{"Requester"}},
}

func (q *request) putAsItIs() (*answer, error) {
	if err := q.bucketMustExist(); err != nil {
		return nil, err
	}
	is := asItIs[q.op.Name]
	root, err := parseDocument(q.document, is.root)
	if err != nil {
		return nil, err
	}
	if is.element == "" {
		if len(root.Children) > 0 {
			return nil, q.notCarriedOut()
		}
		if strings.TrimSpace(root.Text) != "" {
			return nil, malformedXML()
		}
		return empty(http.StatusOK), nil
	}
	var texts []string
	if err := root.texts(map[string]*[]string{is.element: &texts}); err != nil {
		return nil, err
	}
	switch text, _, err := one(texts); {
	case err != nil:
		return nil, err
	case slices.Contains(is.values, text):
		return empty(http.StatusOK), nil
	case slices.Contains(is.others, text):
		return nil, q.notCarriedOut()
	default:
		return nil, malformedXML()
	}
}
