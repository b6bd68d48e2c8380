package s3request

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDelete reads the keys of DeleteObjects.
func TestDelete(t *testing.T) {
	t.Parallel()
	op := mustParse(t, "POST /bkt?delete")
	body := "\ufeff<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n <Quiet>true</Quiet>\n" +
		"<Object><Key>a&amp;b &#13;</Key></Object><Object>\n<VersionId>v</VersionId><Key><![CDATA[../<x>]]></Key><ETag>\"e\"</ETag><Size>1</Size></Object></Delete>\n"
	if err := op.ReadBody([]byte(body)); err != nil {
		t.Fatal(err)
	}
	want := []Deletion{{Key: "a&b \r"}, {Key: "../<x>", VersionID: "v", ETag: `"e"`}}
	if diff := cmp.Diff(want, op.Deletions); diff != "" {
		t.Error(diff)
	}
	for i, d := range op.Deletions {
		needs := op.DeletionNeeds(d)
		if len(needs) != 1 || needs[0].Resource != ObjectARN("bkt", want[i].Key) {
			t.Errorf("%+v needs %+v", d, needs)
		}
	}
	if op.NeedsBody() {
		t.Error("the body is still needed")
	}
	if err := op.ReadBody([]byte("<Delete/>")); err == nil || !op.NeedsBody() || len(op.Deletions) > 0 {
		t.Errorf("after another body that is refused: %v, %+v", err, op.Deletions)
	}
	if needs := new(Operation).DeletionNeeds(want[0]); len(needs) != 1 {
		t.Errorf("of the zero operation: %+v", needs)
	}
}

// TestBodiesRefused has bodies that two servers could read differently.
func TestBodiesRefused(t *testing.T) {
	t.Parallel()
	object := "<Object><Key>k</Key></Object>"
	for _, tt := range []struct{ line, body, code string }{
		{"POST /bkt?delete", "", "MissingRequestBodyError"},
		{"POST /bkt?delete", "x", "MalformedXML"},
		{"POST /bkt?delete", "<Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete></Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<delete>" + object + "</delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete>" + object + "</Delete><Delete>" + object + "</Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete>" + object + "</Delete>x", "MalformedXML"},
		{"POST /bkt?delete", "<Delete>" + object + "x</Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete>x" + object + "</Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete>" + object + "<Other/></Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete>" + object + "<Quiet>true</Quiet><Quiet>false</Quiet></Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete><Object><Key>k</Key><Key>l</Key></Object></Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete><Object><Key>k<b/></Key></Object></Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete><Object><Key>k<!-- c -->l</Key></Object></Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete><Object><key>k</key></Object></Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete><Object><x:Key xmlns:x=\"urn:x\">k</x:Key></Object></Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete><Object><Key>&unknown;</Key></Object></Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<!DOCTYPE Delete [<!ENTITY e \"k\">]><Delete><Object><Key>&e;</Key></Object></Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<?xml version=\"1.0\" encoding=\"UTF-16\"?><Delete>" + object + "</Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete><?php x?>" + object + "</Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete><Object><Key>\xff</Key></Object></Delete>", "MalformedXML"},
		{"POST /bkt?delete", strings.Repeat("<Delete>", 100) + strings.Repeat("</Delete>", 100), "MalformedXML"},
		{"POST /bkt?delete", "<Delete>" + strings.Repeat(object, MaxDeletions+1) + "</Delete>", "MalformedXML"},
		{"POST /bkt?delete", "<Delete>" + strings.Repeat(" ", MaxDocument) + object + "</Delete>", "MaxMessageLengthExceeded"},
		{"POST /bkt?delete", "<Delete><Object><VersionId>v</VersionId></Object></Delete>", "UserKeyMustBeSpecified"},
		{"POST /bkt?delete", "<Delete><Object><Key/></Object></Delete>", "UserKeyMustBeSpecified"},
		{"POST /bkt?delete", "<Delete><Object><Key>k</Key><VersionId/></Object></Delete>", "InvalidArgument"},
		{"POST /bkt?delete", "<Delete><Object><Key>" + strings.Repeat("k", 1025) + "</Key></Object></Delete>", "KeyTooLongError"},
		{"PUT /bkt/k?tagging", "<Tagging/>", "MalformedXML"},
		{"PUT /bkt/k?tagging", "<Tagging><TagSet/><TagSet/></Tagging>", "MalformedXML"},
		{"PUT /bkt/k?tagging", "<Tagging><TagSet><Tag><Key>a</Key></Tag><Tag><Key>a</Key></Tag></TagSet></Tagging>", "InvalidTag"},
		{"PUT /bkt/k?tagging", "<Tagging><TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>", "InvalidTag"},
		{"PUT /bkt/k?tagging", "<Tagging><TagSet><Tag><Key>" + strings.Repeat("k", 129) + "</Key></Tag></TagSet></Tagging>", "InvalidTag"},
		{"PUT /bkt/k?tagging", "<Tagging><TagSet><Tag><Key>k</Key><Value>" + strings.Repeat("v", 257) + "</Value></Tag></TagSet></Tagging>", "InvalidTag"},
		{"PUT /bkt/k?tagging", "<Tagging><TagSet>" + manyTags(11) + "</TagSet></Tagging>", "BadRequest"},
		{"PUT /bkt", "<CreateBucketConfiguration><Location><Type>AvailabilityZone</Type></Location></CreateBucketConfiguration>", "NotImplemented"},
		{"PUT /bkt", "<CreateBucketConfiguration><LocationConstraint>a</LocationConstraint><LocationConstraint>b</LocationConstraint></CreateBucketConfiguration>", "MalformedXML"},
		{"PUT /bkt", "<CreateBucketConfiguration><Tags/><Tags/></CreateBucketConfiguration>", "MalformedXML"},
		{"PUT /bkt?replication", "<ReplicationConfiguration><Rule/></ReplicationConfiguration>", "MalformedXML"},
		{"PUT /bkt?replication", "<ReplicationConfiguration><Role>a</Role><Role>b</Role></ReplicationConfiguration>", "MalformedXML"},
		{"PUT /bkt?inventory&id=i", "<InventoryConfiguration><OptionalFields/><OptionalFields/></InventoryConfiguration>", "MalformedXML"},
		{"PUT /bkt?inventory&id=i", "<InventoryConfiguration><OptionalFields><Size/></OptionalFields></InventoryConfiguration>", "MalformedXML"},
		{"PUT /bkt/k?retention", "<Retention><Mode>GOVERNANCE</Mode></Retention>", "MalformedXML"},
		{"PUT /bkt/k?retention", "<Retention><Mode>x</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>", "MalformedXML"},
		{"PUT /bkt/k?retention", "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>tomorrow</RetainUntilDate></Retention>", "MalformedXML"},
		{"PUT /bkt/k?retention", "<Retention><EventHoldDuration><Years>1</Years></EventHoldDuration></Retention>", "NotImplemented"},
		{"PUT /bkt/k?legal-hold", "<LegalHold><Status>MAYBE</Status></LegalHold>", "MalformedXML"},
		{"POST /bkt/k?restore", "<RestoreRequest><Type>SELECT</Type></RestoreRequest>", "NotImplemented"},
		{"POST /bkt/k?restore", "<RestoreRequest><OutputLocation/></RestoreRequest>", "NotImplemented"},
	} {
		op := mustParse(t, tt.line)
		var e *Error
		if err := op.ReadBody([]byte(tt.body)); !errors.As(err, &e) || e.Code != tt.code {
			t.Errorf("%s %.100s: %v, want %s", tt.line, tt.body, err, tt.code)
		}
		if !op.NeedsBody() {
			t.Errorf("%s: a body that was refused counts as read", tt.line)
		}
	}
}

func manyTags(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<Tag><Key>k%d</Key><Value/></Tag>", i)
	}
	return b.String()
}

// TestBucketNames has names at the limits of the rules.
func TestBucketNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"abc": true, "a.b": true, "a-b": true, "123": true, "1.2.3": true, strings.Repeat("a", 63): true, "a.-b": true,
		"192.168.5.4.5": true, "amzn-s3-demo-bucket": true,
		"": false, "ab": false, strings.Repeat("a", 64): false, "aBc": false, "a_b": false, ".ab": false, "ab.": false,
		"-ab": false, "ab-": false, "a..b": false, "192.168.5.4": false, "256.256.256.256": false, "010.1.1.1": false, "a b": false, "aé": false, "a/b": false, "a\x00b": false,
	} {
		if got := ValidBucketName(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}
