package iam_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// tagsOf makes tags of keys and values in turn.
func tagsOf(keysAndValues ...string) []types.Tag {
	var tags []types.Tag
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		tags = append(tags, types.Tag{Key: &keysAndValues[i], Value: &keysAndValues[i+1]})
	}
	return tags
}

// shown are tags as KEY=VALUE.
func shown(tags []types.Tag) []string {
	texts := []string{}
	for _, tag := range tags {
		texts = append(texts, *tag.Key+"="+*tag.Value)
	}
	return texts
}

func (f *fixture) addClientID(t *testing.T, arn, clientID string) error {
	t.Helper()
	_, err := f.admin.AddClientIDToOpenIDConnectProvider(t.Context(), &iamclient.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, ClientID: &clientID})
	return err
}

func (f *fixture) removeClientID(t *testing.T, arn, clientID string) error {
	t.Helper()
	_, err := f.admin.RemoveClientIDFromOpenIDConnectProvider(t.Context(), &iamclient.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, ClientID: &clientID})
	return err
}

func (f *fixture) updateThumbprints(t *testing.T, arn string, thumbprints ...string) error {
	t.Helper()
	_, err := f.admin.UpdateOpenIDConnectProviderThumbprint(t.Context(), &iamclient.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: &arn, ThumbprintList: thumbprints})
	return err
}

func TestClientIDs(t *testing.T) {
	t.Parallel()
	f := start(t)
	arn := f.createProvider(t, "https://gitlab.example.com")
	want := func(clientIDs ...string) {
		t.Helper()
		if diff := cmp.Diff(clientIDs, f.getProvider(t, arn).ClientIDList, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	}
	for _, id := range []string{"https://gitlab.example.com", "b", "B", "ä 音\n<&>", "b", "a"} {
		if err := f.addClientID(t, arn, id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	want("https://gitlab.example.com", "b", "B", "ä 音\n<&>", "a")
	for _, id := range []string{"b", "b", "never there", "https://GitLab.example.com"} {
		if err := f.removeClientID(t, arn, id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	want("https://gitlab.example.com", "B", "ä 音\n<&>", "a")
	for _, id := range []string{"https://gitlab.example.com", "B", "ä 音\n<&>", "a"} {
		if err := f.removeClientID(t, arn, id); err != nil {
			t.Error(err)
		}
	}
	want()
	if got := f.getProvider(t, arn).ThumbprintList; !cmp.Equal([]string{thumbprint}, got) {
		t.Errorf("the thumbprints became %q", got)
	}

	long := strings.Repeat("音", 255)
	if err := f.addClientID(t, arn, long); err != nil {
		t.Error(err)
	}
	for i := range 99 {
		if err := f.addClientID(t, arn, fmt.Sprint("client", i)); err != nil {
			t.Fatal(err)
		}
	}
	wantFault(t, f.addClientID(t, arn, "one too many"), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"})
	if err := f.addClientID(t, arn, "client7"); err != nil {
		t.Errorf("one that is there already takes no room: %v", err)
	}
	if n := len(f.getProvider(t, arn).ClientIDList); n != 100 {
		t.Errorf("%d client ids, want 100", n)
	}

	length := func(how string, n int) fault {
		return fault{
			http.StatusBadRequest, "ValidationError",
			fmt.Sprintf("1 validation error detected: Value at 'clientID' failed to satisfy constraint: Member must have length %s than or equal to %d", how, n),
		}
	}
	for _, call := range []func(*testing.T, string, string) error{f.addClientID, f.removeClientID} {
		wantFault(t, call(t, arn, ""), length("greater", 1))
		wantFault(t, call(t, arn, long+"音"), length("less", 255))
	}
}

func TestThumbprints(t *testing.T) {
	t.Parallel()
	f := start(t)
	arn := f.createProvider(t, "https://gitlab.example.com")
	z, upper := strings.Repeat("z", 40), strings.ToUpper(thumbprint)
	if err := f.updateThumbprints(t, arn, z, upper, z, thumbprint, z); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{z, thumbprint, z, thumbprint, z}, f.getProvider(t, arn).ThumbprintList); diff != "" {
		t.Errorf("thumbprints are lower-cased, keep their order, and are not made distinct:\n%s", diff)
	}
	if err := f.updateThumbprints(t, arn, thumbprint); err != nil {
		t.Fatal(err)
	}
	wantFault(t, f.updateThumbprints(t, arn, z, z, z, z, z, z), fault{http.StatusBadRequest, "InvalidInput", "Thumbprint list must contain fewer than 5 entries."})
	wantFault(t, f.updateThumbprints(t, arn, z, "short"), badThumbprints)
	wantCall(t, f.call(t, "UpdateOpenIDConnectProviderThumbprint", "OpenIDConnectProviderArn", arn, "ThumbprintList", ""),
		fault{http.StatusBadRequest, "InvalidInput", "Thumbprint list must contain at least one entry."})
	wantCall(t, f.call(t, "UpdateOpenIDConnectProviderThumbprint", "OpenIDConnectProviderArn", arn), fault{
		http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'thumbprintList' failed to satisfy constraint: Member must not be null",
	})
	if diff := cmp.Diff([]string{thumbprint}, f.getProvider(t, arn).ThumbprintList); diff != "" {
		t.Errorf("a refused list changed it:\n%s", diff)
	}
}

func TestProviderTags(t *testing.T) {
	t.Parallel()
	f := start(t)
	created := noError[*iamclient.CreateOpenIDConnectProviderOutput](t)(f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://gitlab.example.com"), ThumbprintList: []string{thumbprint}, Tags: tagsOf("Key", "1", "key", "", "ä 音", "aws:value"),
	}))
	arn := *created.OpenIDConnectProviderArn
	tag := func(tags ...string) error {
		_, err := f.admin.TagOpenIDConnectProvider(t.Context(), &iamclient.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, Tags: tagsOf(tags...)})
		return err
	}
	untag := func(keys ...string) error {
		_, err := f.admin.UntagOpenIDConnectProvider(t.Context(), &iamclient.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, TagKeys: keys})
		return err
	}
	want := func(tags ...string) {
		t.Helper()
		if diff := cmp.Diff(tags, shown(f.getProvider(t, arn).Tags)); diff != "" {
			t.Errorf("Get:\n%s", diff)
		}
		var listed []types.Tag
		pages := iamclient.NewListOpenIDConnectProviderTagsPaginator(f.admin, &iamclient.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: &arn, MaxItems: aws.Int32(2)})
		for pages.HasMorePages() {
			page := noError[*iamclient.ListOpenIDConnectProviderTagsOutput](t)(pages.NextPage(t.Context()))
			if len(page.Tags) > 2 {
				t.Errorf("a page of %d tags", len(page.Tags))
			}
			listed = append(listed, page.Tags...)
		}
		if diff := cmp.Diff(tags, shown(listed)); diff != "" {
			t.Errorf("List:\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{"Key=1", "key=", "ä 音=aws:value"}, shown(created.Tags)); diff != "" {
		t.Error(diff)
	}
	want("Key=1", "key=", "ä 音=aws:value") // case makes another tag
	if err := tag("KEY", "3", "key", "2"); err != nil {
		t.Fatal(err)
	}
	want("KEY=3", "Key=1", "key=2", "ä 音=aws:value")
	if err := untag("kEy", "Key", "absent", "aws:none"); err != nil {
		t.Fatal(err)
	}
	want("KEY=3", "key=2", "ä 音=aws:value")

	wantFault(t, tag("a", "1", "a", "2"), fault{http.StatusBadRequest, "InvalidInput", "Duplicate tag keys found."})
	wantFault(t, tag("AWS:a", "1"), fault{http.StatusBadRequest, "InvalidInput", "Tag keys beginning with aws: are reserved for system use."})
	empty := fault{http.StatusBadRequest, "InvalidInput", "Error occurred while validating input. "}
	wantCall(t, f.call(t, "TagOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "Tags", ""), empty)
	wantCall(t, f.call(t, "UntagOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "TagKeys", ""), empty)
	wantCall(t, f.call(t, "UntagOpenIDConnectProvider", "OpenIDConnectProviderArn", arn), fault{
		http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must not be null",
	})
	var many []string
	for i := range 48 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	wantFault(t, tag(many...), fault{http.StatusConflict, "LimitExceeded", "The number of tags has reached the maximum limit."})
	want("KEY=3", "key=2", "ä 音=aws:value")
	if err := tag(many[2:]...); err != nil {
		t.Errorf("50 tags: %v", err)
	}
	wantFault(t, tag(append(many, "x", "", "y", "", "z", "")...), fault{
		http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
	})
}

// TestChangesOfAbsentProviders asks each operation for a provider that is not
// there, for one of another account, and for what names none.
func TestChangesOfAbsentProviders(t *testing.T) {
	t.Parallel()
	f := start(t)
	const other = "210987654321"
	f.AddAccount(t, other)
	theirs := iamclient.NewFromConfig(f.UserOf(t, other, "administrator", awsapitest.Administrator))
	out := noError[*iamclient.CreateOpenIDConnectProviderOutput](t)(theirs.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://gitlab.example.com"), ThumbprintList: []string{thumbprint}, ClientIDList: []string{"a"},
	}))
	parameters := map[string][]string{
		"AddClientIDToOpenIDConnectProvider":      {"ClientID", "b"},
		"RemoveClientIDFromOpenIDConnectProvider": {"ClientID", "a"},
		"UpdateOpenIDConnectProviderThumbprint":   {"ThumbprintList.member.1", strings.Repeat("b", 40)},
		"TagOpenIDConnectProvider":                {"Tags.member.1.Key", "a", "Tags.member.1.Value", "b"},
		"UntagOpenIDConnectProvider":              {"TagKeys.member.1", "a"},
		"ListOpenIDConnectProviderTags":           nil,
	}
	for operation, more := range parameters {
		for _, arn := range []string{
			providerARN("absent.example.com"), providerARN("gitlab.example.com"), *out.OpenIDConnectProviderArn, *out.OpenIDConnectProviderArn + "/",
		} {
			t.Log(operation, arn)
			wantCall(t, f.call(t, operation, append([]string{"OpenIDConnectProviderArn", arn}, more...)...),
				fault{http.StatusNotFound, "NoSuchEntity", "OpenIDConnect Provider not found for arn " + arn})
		}
		wantCall(t, f.call(t, operation, append([]string{"OpenIDConnectProviderArn", "arn:aws:iam::" + account + ":role/deploy"}, more...)...),
			fault{http.StatusBadRequest, "ValidationError", "Invalid ARN:  Could not be parsed!"})
		wantCall(t, f.call(t, operation, more...), fault{
			http.StatusBadRequest, "ValidationError",
			"1 validation error detected: Value at 'openIDConnectProviderArn' failed to satisfy constraint: Member must not be null",
		})
	}
	found := noError[*iamclient.GetOpenIDConnectProviderOutput](t)(theirs.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: out.OpenIDConnectProviderArn}))
	if len(found.Tags) != 0 || !cmp.Equal([]string{"a"}, found.ClientIDList) || !cmp.Equal([]string{thumbprint}, found.ThumbprintList) {
		t.Errorf("the other account's provider became %+v", found)
	}
}

// TestProviderPermissions: by the tags that a provider has, by those that a
// request brings; and a denial is told before what only IAM finds wrong.
func TestProviderPermissions(t *testing.T) {
	t.Parallel()
	f := start(t)
	mine, theirs := f.createProvider(t, "https://mine.example.com"), f.createProvider(t, "https://theirs.example.com")
	must(t)(f.admin.TagOpenIDConnectProvider(t.Context(), &iamclient.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: &mine, Tags: tagsOf("team", "ci")}))
	user := f.as(t, "ci",
		statement("Allow", "iam:*", "*", `"StringEquals":{"aws:ResourceTag/team":"ci"}`),
		statement("Allow", "iam:CreateOpenIDConnectProvider", "*", ""),
		statement("Allow", "iam:TagOpenIDConnectProvider", "*", `"StringEquals":{"aws:RequestTag/team":"ci"},"ForAllValues:StringEquals":{"aws:TagKeys":"team"}`))
	if err := user.addClientID(t, mine, "a"); err != nil {
		t.Error(err)
	}
	wantFault(t, user.addClientID(t, theirs, "a"), denied("ci", "AddClientIDToOpenIDConnectProvider", theirs))
	z := strings.Repeat("z", 40)
	wantFault(t, user.updateThumbprints(t, theirs, z, z, z, z, z, z), denied("ci", "UpdateOpenIDConnectProviderThumbprint", theirs))
	wantFault(t, user.updateThumbprints(t, theirs, "short"), badThumbprints)

	create := func(url string, tags ...string) error {
		_, err := user.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
			Url: &url, ThumbprintList: []string{thumbprint}, Tags: tagsOf(tags...),
		})
		return err
	}
	for _, tags := range [][]string{nil, {"team", "ci"}} {
		if err := create(fmt.Sprintf("https://tags%d.example.com", len(tags)), tags...); err != nil {
			t.Error(err)
		}
	}
	wantFault(t, create("https://x.example.com", "team", "other"), denied("ci", "TagOpenIDConnectProvider", providerARN("x.example.com")))
	wantFault(t, create("https://x.example.com", "team", "ci", "more", ""), denied("ci", "TagOpenIDConnectProvider", providerARN("x.example.com")))
}
