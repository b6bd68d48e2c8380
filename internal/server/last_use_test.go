package server_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestRoleLastUsed: a role is used when a session of it signs a request, and not
// when the session begins. The node that saw it tells at once, whoever starts
// after it has ended tells too, and so does another node on the same data.
func TestRoleLastUsed(t *testing.T) {
	t.Parallel()
	issuer, token := serveIssuer(t, t.TempDir())
	dir := t.TempDir()
	first := mustStart(t, newConfig(dir))
	admin := iamclient.NewFromConfig(first.administrator(t, dir))
	provider := register(t, admin, issuer.Issuer.URL(), issuer.Thumbprint)
	createRole(t, admin, "deploy", `{"Federated":"`+provider+`"}`, `"sts:AssumeRoleWithWebIdentity"`, 3600)
	second := mustStart(t, newConfig(dir))

	session := exchange(t, first, "arn:aws:iam::123456789012:role/deploy", token)
	if use := roleLastUsed(t, admin, "deploy"); use.LastUsedDate != nil || use.Region != nil {
		t.Errorf("used by the exchange alone: %v in %v", use.LastUsedDate, aws.ToString(use.Region))
	}
	before := time.Now().Truncate(time.Second)
	signed := first.config(session)
	signed.Region = "eu-central-1"
	// The session may do nothing; a request that is denied is a use too.
	if _, err := iamclient.NewFromConfig(signed).ListRoles(t.Context(), &iamclient.ListRolesInput{}); err == nil {
		t.Fatal("a role without policies may list roles")
	}
	wantUsed := func(who string, use *iamtypes.RoleLastUsed) {
		t.Helper()
		if use.LastUsedDate == nil || use.LastUsedDate.Before(before) || time.Since(*use.LastUsedDate) > time.Minute || aws.ToString(use.Region) != "eu-central-1" {
			t.Errorf("%s tells %v in %v", who, use.LastUsedDate, aws.ToString(use.Region))
		}
	}
	wantUsed("the node itself", roleLastUsed(t, admin, "deploy"))

	first.mustStop(t)
	other := iamclient.NewFromConfig(second.administrator(t, dir))
	for range 40 {
		if roleLastUsed(t, other, "deploy").LastUsedDate != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	wantUsed("another node", roleLastUsed(t, other, "deploy"))
	second.mustStop(t)
	third := mustStart(t, newConfig(dir))
	wantUsed("a node started again", roleLastUsed(t, iamclient.NewFromConfig(third.administrator(t, dir)), "deploy"))
}

// TestAccessKeyLastUsed: a long-lived key is used by what it signs, whatever comes
// of it; the sessions of its user are not the key, and who cannot be authenticated
// uses nothing.
func TestAccessKeyLastUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := mustStart(t, newConfig(dir))
	own := r.administrator(t, dir)
	key := credentials(t, own)
	used := func() map[string]store.LastUse {
		t.Helper()
		return lastUses(t, dir)
	}
	forged := r.config(aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: "another"})
	if r.works(t, credentials(t, forged)) {
		t.Fatal("a forged signature was taken")
	}
	r.mustStop(t)
	if got := used(); len(got) != 0 {
		t.Errorf("a forged signature counts as a use: %v", got)
	}

	r = mustStart(t, newConfig(dir))
	own = r.administrator(t, dir)
	out, err := stsclient.NewFromConfig(own).GetSessionToken(t.Context(), &stsclient.GetSessionTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	k := out.Credentials
	session := r.config(aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey, SessionToken: *k.SessionToken})
	session.Region = "eu-central-1"
	wantCaller(t, session, administratorARN)
	r.mustStop(t)
	got := used()
	use := got[key.AccessKeyID]
	if len(got) != 1 || use.Region != "us-east-1" || use.Service != "sts" || use.Account != "123456789012" || time.Since(use.At) > time.Minute {
		t.Errorf("the store has %+v", got)
	}
}

// lastUses are the records of a data directory, by their unique ids.
func lastUses(t *testing.T, dir string) map[string]store.LastUse {
	t.Helper()
	st, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(dir, "daypass.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}()
	records, err := st.Changes(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]store.LastUse{}
	for _, r := range records {
		if r.Kind != store.KindLastUse || r.Deleted {
			continue
		}
		var use store.LastUse
		if err := store.Decode(r.Document, &use); err != nil {
			t.Fatal(err)
		}
		found[use.ID] = use
	}
	return found
}

func roleLastUsed(t *testing.T, admin *iamclient.Client, name string) *iamtypes.RoleLastUsed {
	t.Helper()
	out, err := admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return out.Role.RoleLastUsed
}

// exchange trades a token for a session of a role.
func exchange(t *testing.T, r *running, role, token string) aws.Credentials {
	t.Helper()
	out, err := stsclient.NewFromConfig(r.config(aws.Credentials{})).AssumeRoleWithWebIdentity(t.Context(), &stsclient.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("job-1"), WebIdentityToken: &token,
	})
	if err != nil {
		t.Fatal(err)
	}
	k := out.Credentials
	return aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey, SessionToken: *k.SessionToken}
}
