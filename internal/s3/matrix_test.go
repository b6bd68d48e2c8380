package s3_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	room "github.com/daypass/daypass/internal/s3"
	"github.com/daypass/daypass/internal/s3request"
)

// matrixRow is one form of an operation, with exactly the permissions that it
// needs.
type matrixRow struct {
	operation string
	request   signed
	needs     []matrixNeed
	status    int    // of the reply to who has them all
	code      string // of that reply; "" is looked at for none
}

// matrixNeed is an action on a resource, an ARN or "*".
type matrixNeed struct{ action, resource string }

// readMatrix reads rows of a text, whose columns are those of matrixRows.
func (n *matrixNames) readMatrix(t *testing.T, text string) []matrixRow {
	t.Helper()
	var rows []matrixRow
	for line := range strings.Lines(text) {
		column := strings.Split(strings.TrimRight(line, "\n |"), " | ")
		if len(column) < 5 {
			t.Fatalf("%q has %d columns", line, len(column))
		}
		row := matrixRow{operation: column[0]}
		var target string
		row.request.method, target, _ = strings.Cut(column[1], " ")
		row.request.target, row.request.header = n.names.Replace(target), map[string]string{}
		for header := range strings.SplitSeq(strings.TrimSpace(column[2]), "; ") {
			if name, value, ok := strings.Cut(header, ": "); ok {
				row.request.header[name] = n.names.Replace(value)
			}
		}
		for pair := range strings.SplitSeq(column[3], ", ") {
			row.needs = append(row.needs, n.need(strings.TrimSpace(pair)))
		}
		status, code, _ := strings.Cut(column[4], " ")
		var err error
		row.status, err = strconv.Atoi(status)
		must(t, err)
		row.code = code
		if len(column) > 5 {
			row.request.body = n.names.Replace(column[5])
		}
		rows = append(rows, row)
	}
	return rows
}

// need reads "GetObject BUCKET/k": an action, without its prefix where that is
// s3, and the resource, without its prefix where that is one of S3.
func (n *matrixNames) need(pair string) matrixNeed {
	action, resource, _ := strings.Cut(pair, " ")
	if !strings.Contains(action, ":") {
		action = "s3:" + action
	}
	if resource = n.names.Replace(resource); resource != "*" && !strings.HasPrefix(resource, "arn:") {
		resource = "arn:aws:s3:::" + resource
	}
	return matrixNeed{action, resource}
}

// matrixNames are what rows speak of.
type matrixNames struct {
	bucket string
	names  *strings.Replacer
}

// matrixNames makes what the rows need.
func (g *gateway) matrixNames(t *testing.T) *matrixNames {
	t.Helper()
	plain, versioned, locked := g.bucket(t), g.bucket(t), g.bucket(t)+"-locked"
	_, err := g.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &locked, ObjectLockEnabledForBucket: aws.Bool(true)})
	must(t, err)
	_, err = g.admin.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &versioned, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	must(t, err)
	for _, key := range []string{"k", "gone", "gone-too"} {
		g.object(t, plain, key, "")
	}
	g.object(t, plain, "tagged", "team=red")
	big, whole := g.upload(t, plain, "big"), g.upload(t, plain, "whole")
	part, err := g.admin.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: &plain, Key: aws.String("whole"), UploadId: &whole, PartNumber: aws.Int32(1), Body: strings.NewReader("all of it"),
	})
	must(t, err)
	return &matrixNames{plain, strings.NewReplacer(
		"BUCKET", plain, "VERSIONED", versioned, "LOCKED", locked, "NEW", plain+"-new",
		"TAGGEDVERSION", *g.object(t, versioned, "tagged", "team=red").VersionId, "GONEVERSION", *g.object(t, versioned, "gone", "").VersionId,
		"HELDVERSION", *g.object(t, locked, "k", "").VersionId, "VERSION", *g.object(t, versioned, "k", "").VersionId,
		"UPLOAD", big, "WHOLE", whole, "ETAG", strings.Trim(*part.ETag, `"`),
	)}
}

// upload begins an upload.
func (g *gateway) upload(t testing.TB, bucket, key string) string {
	t.Helper()
	out, err := g.admin.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	must(t, err)
	return *out.UploadId
}

// notAsked are the permissions of the table for which no request here is asked:
// of annotations, which no store keeps, so that a copy has none.
var notAsked = map[string][]string{
	"CopyObject": {"s3:GetObjectAnnotation", "s3:GetObjectVersionAnnotation", "s3:PutObjectAnnotation"},
}

var actionName = regexp.MustCompile(`\b(?:s3|iam):[A-Za-z]+`)

// TestMatrix asks of every operation of the table that exactly the permissions
// named there make it pass, and that without any one of them it is denied in
// AWS's words, by the name of the one that is missing, in the reply and in the
// event. An operation that is carried out and has no row fails, and so does one
// of whose permissions some have no row; one that is not carried out is refused
// by its name, after permission was asked.
func TestMatrix(t *testing.T) {
	g := start(t, nil)
	config := g.User(t, "matrix")
	names := g.matrixNames(t)
	rows := names.readMatrix(t, matrixRows)
	table := describe(t)
	for _, operation := range slices.Sorted(maps.Keys(table)) {
		line := table[operation]
		if strings.HasPrefix(line.needs, "not served: ") || operation == "PostObject" { // TestNotServed, TestPostNeeds
			continue
		}
		if !slices.Contains(room.CarriedOut(), operation) {
			rows = append(rows, names.notCarriedOut(t, operation, line)...)
		}
		checkActions(t, operation, line.needs, rows)
	}
	for i := range rows {
		t.Run(fmt.Sprintf("%03d_%s", i, rows[i].operation), func(t *testing.T) { g.checkRow(t, config, &rows[i]) })
	}
}

// described is a line of the table.
type described struct{ request, needs string }

func describe(t *testing.T) map[string]described {
	t.Helper()
	var text strings.Builder
	must(t, s3request.Describe(&text))
	operations := map[string]described{}
	for line := range strings.Lines(text.String()) {
		column := strings.Split(line, "\t")
		operations[column[0]] = described{column[1], column[3]}
	}
	return operations
}

// checkActions asks that the rows of an operation need what the table says,
// together.
func checkActions(t *testing.T, operation, table string, rows []matrixRow) {
	t.Helper()
	wanted := actionName.FindAllString(table, -1)
	var needed []string
	for _, row := range rows {
		if row.operation == operation {
			for _, n := range row.needs {
				needed = append(needed, n.action)
			}
		}
	}
	if len(needed) == 0 {
		t.Errorf("%s is in the table and has no row here", operation)
	}
	for _, action := range needed {
		if !slices.Contains(wanted, action) {
			t.Errorf("a row of %s needs %s, which the table does not name", operation, action)
		}
	}
	for _, action := range wanted {
		if !slices.Contains(needed, action) && !slices.Contains(notAsked[operation], action) {
			t.Errorf("%s needs %s by the table, and no row here does", operation, action)
		}
	}
}

// notCarriedOut makes the rows of an operation that no one carries out: of the
// object, and of a version where that has an action of its own.
func (n *matrixNames) notCarriedOut(t *testing.T, operation string, line described) []matrixRow {
	t.Helper()
	method, target, _ := strings.Cut(line.request, " ")
	target = strings.NewReplacer("KEY", "k", "&id", "&id=x", "&annotationName", "&annotationName=x", "&select-type=2", "&select-type=2").Replace(target)
	resource := "BUCKET"
	if strings.Contains(target, "/k") {
		resource += "/k"
	}
	body := ""
	if method == http.MethodPut || method == http.MethodPost {
		if body = documents[operation]; body == "" {
			body = "<Document/>"
		}
	}
	first, rest, more := strings.Cut(strings.ReplaceAll(line.needs, " or, of a version, ", "/"), ", ")
	current, ofVersion, versioned := strings.Cut(first, "/")
	headers := ""
	switch {
	case strings.HasPrefix(rest, "iam:PassRole"):
		current += " " + resource + ", iam:PassRole arn:aws:iam::" + account + ":role/replicator"
	case strings.HasPrefix(rest, "s3:BypassGovernanceRetention"):
		headers = "X-Amz-Bypass-Governance-Retention: true"
		current += " " + resource + ", BypassGovernanceRetention " + resource
	case more:
		t.Fatalf("%s needs %q, of which nothing is known here", operation, rest)
	default:
		current += " " + resource
	}
	text := strings.Join([]string{operation, method + " " + target, headers, current, "501 NotImplemented", body}, " | ")
	if versioned {
		text += "\n" + strings.Join([]string{operation, method + " " + target + "&versionId=x", " ", ofVersion + " " + resource, "501 NotImplemented", body}, " | ")
	}
	return n.readMatrix(t, text)
}

// documents are the bodies of those by which it is decided.
var documents = map[string]string{
	"PutBucketReplication":            "<ReplicationConfiguration><Role>arn:aws:iam::" + account + ":role/replicator</Role></ReplicationConfiguration>",
	"PutBucketInventoryConfiguration": "<InventoryConfiguration/>",
	"RestoreObject":                   "<RestoreRequest><Days>1</Days></RestoreRequest>",
}

func (g *gateway) checkRow(t *testing.T, config aws.Config, row *matrixRow) {
	t.Helper()
	row.request.config = config
	for missing := range row.needs {
		g.grantAll(t, row.needs, missing)
		g.checkDenied(t, g.send(t, row.request), row, row.needs[missing])
	}
	g.grantAll(t, row.needs, -1)
	got := g.send(t, row.request)
	e := g.lastEvent(t)
	if got.Status != row.status || e.Status != row.status || e.Operation != row.operation ||
		row.code != "" && !strings.Contains(got.Body, "<Code>"+row.code+"</Code>") ||
		row.status < 300 && strings.Contains(got.Body, "<Code>") {
		t.Errorf("with all permissions: %d %s, want %d %s; event of %s with %d, %s", got.Status, got.Body, row.status, row.code, e.Operation, e.Status, e.Reason)
	}
}

// grantAll gives the user what is needed but for one, -1 for none.
func (g *gateway) grantAll(t *testing.T, needs []matrixNeed, without int) {
	t.Helper()
	var policies []string
	for i, n := range needs {
		if i != without {
			policies = append(policies, allow(n.action, n.resource))
		}
	}
	g.grant(t, "matrix", policies...)
}

// checkDenied asks that what is missing be named.
func (g *gateway) checkDenied(t *testing.T, got reply, row *matrixRow, missing matrixNeed) {
	t.Helper()
	of := ` on resource: "` + missing.resource + `"`
	if missing.resource == "*" {
		of = ""
	}
	sentence := "User: arn:aws:iam::" + account + ":user/matrix is not authorized to perform: " + missing.action + of +
		" because no identity-based policy allows the " + missing.action + " action"
	status := http.StatusForbidden
	if row.operation == "DeleteObjects" { // which answers for each object
		status = http.StatusOK
	}
	told := strings.NewReplacer("&#34;", `"`, "&quot;", `"`).Replace(got.Body)
	if got.Status != status || row.request.method != http.MethodHead && !strings.Contains(told, "<Code>AccessDenied</Code><Message>"+sentence+"</Message>") {
		t.Errorf("without %s: %d %s\nwant AccessDenied: %s", missing.action, got.Status, told, sentence)
	}
	e := g.lastEvent(t)
	if e.Operation != row.operation || e.Status != status || e.Code != "AccessDenied" || e.Message != sentence || e.Reason == "" {
		t.Errorf("event of %s with status %d, %s: %s, reason %q", e.Operation, e.Status, e.Code, e.Message, e.Reason)
	}
	if e.Decision != "ImplicitDeny" || e.Reasons == nil || e.Encoded == "" || e.Action != missing.action || e.Resource != missing.resource ||
		len(e.Documents) < len(row.needs)-1 {
		t.Errorf("event: decision %q, reasons %v, encoded %t, action %q, resource %q, documents %q", e.Decision, e.Reasons, e.Encoded != "", e.Action, e.Resource, e.Documents)
	}
}

// TestNotServed: what the table refuses is refused as not implemented, to who may
// do everything.
func TestNotServed(t *testing.T) {
	g := start(t, nil)
	for operation, line := range describe(t) {
		if !strings.HasPrefix(line.needs, "not served: ") {
			continue
		}
		method, target, _ := strings.Cut(line.request, " ")
		request := signed{config: g.AdminConfig, method: method, target: strings.NewReplacer("BUCKET", "some-bucket", "KEY", "key").Replace(target)}
		got := g.send(t, request)
		if got.Status != http.StatusNotImplemented || !strings.Contains(got.Body, "<Code>NotImplemented</Code>") {
			t.Errorf("%s: %d %s", operation, got.Status, got.Body)
		}
	}
}

// TestDeleteObjects: each object is asked for by itself.
func TestDeleteObjects(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	for _, key := range []string{"mine/a", "mine/b", "theirs/c"} {
		g.object(t, bucket, key, "")
	}
	client := g.user(t, "deleter", allow("s3:DeleteObject", "arn:aws:s3:::"+bucket+"/mine/*"))
	out, err := client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{
		{Key: aws.String("mine/a")}, {Key: aws.String("theirs/c")}, {Key: aws.String("mine/b")},
	}}})
	must(t, err)
	if len(out.Deleted) != 2 || len(out.Errors) != 1 || *out.Errors[0].Key != "theirs/c" || *out.Errors[0].Code != "AccessDenied" ||
		!strings.Contains(*out.Errors[0].Message, "s3:DeleteObject on resource: \"arn:aws:s3:::"+bucket+"/theirs/c\"") {
		t.Errorf("deleted %v, errors %+v", out.Deleted, out.Errors)
	}
	left, err := g.admin.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	must(t, err)
	if len(left.Contents) != 1 || *left.Contents[0].Key != "theirs/c" {
		t.Errorf("left %+v", left.Contents)
	}
	if e := g.lastEvent(t); e.Operation != "ListObjectsV2" {
		t.Errorf("event %+v", e)
	}
}
