package bucket_test

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/publish/bucket"
)

func is[T any](value T) *T { return &value }

// good is a bucket in which nothing is wrong.
func good(t *testing.T) *bucket.State {
	document := func(media, cache string) *bucket.Document {
		return &bucket.Document{Status: 200, ContentType: media, CacheControl: cache}
	}
	return &bucket.State{
		Block: &bucket.Block{BlockACLs: true, IgnoreACLs: true}, Ownership: is("BucketOwnerEnforced"), Versioning: is("Enabled"), Encryption: is("AES256"),
		Policy: is(emitted(t, layout())), Website: is(false), Expires: is(false), Forgets: is(false), Archives: is(false), Listed: is(false),
		Documents: map[string]*bucket.Document{
			".well-known/openid-configuration": document("application/json", "public, max-age=900"),
			"oauth/discovery/keys":             document("application/json; charset=utf-8", "public, max-age=900"),
			"ledger.jsonl":                     document("application/x-ndjson", ""),
		},
	}
}

func TestStateFinds(t *testing.T) {
	t.Parallel()
	if found, err := good(t).Examine(layout()); err != nil || len(found) != 0 {
		t.Errorf("a good bucket: %v, %v", found, err)
	}
	for name, test := range map[string]struct {
		change         func(*bucket.State)
		severity, what string
	}{
		"policy blocked":    {func(s *bucket.State) { s.Block.BlockPolicy = true }, bucket.Critical, "refuses public policies"},
		"policy restricted": {func(s *bucket.State) { s.Block.RestrictBuckets = true }, bucket.Critical, "refuses public policies"},
		"ACLs":              {func(s *bucket.State) { s.Block.IgnoreACLs = false }, bucket.High, "admits public ACLs"},
		"ownership":         {func(s *bucket.State) { s.Ownership = is("ObjectWriter") }, bucket.High, `ownership is "ObjectWriter"`},
		"no ownership":      {func(s *bucket.State) { s.Ownership = is("") }, bucket.High, `ownership is ""`},
		"suspended":         {func(s *bucket.State) { s.Versioning = is("Suspended") }, bucket.High, "keeps no versions"},
		"KMS":               {func(s *bucket.State) { s.Encryption = is("aws:kms:dsse") }, bucket.Critical, "key of KMS"},
		"no policy":         {func(s *bucket.State) { s.Policy = is("") }, bucket.Critical, "has no policy"},
		"web site":          {func(s *bucket.State) { s.Website = is(true) }, bucket.Medium, "web site"},
		"expires":           {func(s *bucket.State) { s.Expires = is(true) }, bucket.Critical, "deletes the documents"},
		"archives":          {func(s *bucket.State) { s.Archives = is(true) }, bucket.Critical, "archives the documents"},
		"forgets":           {func(s *bucket.State) { s.Forgets = is(true) }, bucket.Medium, "earlier versions"},
		"listed":            {func(s *bucket.State) { s.Listed = is(true) }, bucket.High, "anybody can list"},
		"not there":         {func(s *bucket.State) { s.Documents["oauth/discovery/keys"].Status = 404 }, bucket.Critical, "status 404"},
		"redirected":        {func(s *bucket.State) { s.Documents["oauth/discovery/keys"].Status = 301 }, bucket.Critical, "status 301"},
		"no type":           {func(s *bucket.State) { s.Documents["oauth/discovery/keys"].ContentType = "binary/octet-stream" }, bucket.Medium, "binary/octet-stream"},
		"not cached":        {func(s *bucket.State) { s.Documents["oauth/discovery/keys"].CacheControl = "" }, bucket.Medium, "without Cache-Control"},
		"not known": {func(s *bucket.State) {
			s.Block, s.Unknown = nil, map[string]string{"the public access block": "NotImplemented"}
		}, bucket.Unknown, "could not be looked at: NotImplemented"},
	} {
		state := good(t)
		test.change(state)
		found, err := state.Examine(layout())
		if err != nil || len(found) != 1 || found[0].Severity != test.severity || !strings.Contains(found[0].What, test.what) || found[0].Why == "" || found[0].Fix == "" {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	state := good(t)
	state.Policy = is(`{"Version":"2012-10-17","Statement":[{}]}`)
	if _, err := state.Examine(layout()); err == nil {
		t.Error("a policy that cannot be read is examined")
	}
}
