package server_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/gitlab/instance"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

const (
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	iamNamespace = "https://iam.amazonaws.com/doc/2010-05-08/"

	// otherAccount knows the issuer by a thumbprint that is not its own.
	otherAccount = "210987654321"
)

// wireRow is one request for a role, and what AWS answers.
type wireRow struct {
	name       string
	token      string
	parameters []string   // name and value in turn, added to or in the place of what every request has
	caller     aws.Config // who signs; the zero one does not
	status     int        // 400 where 0
	code       string     // "" is credentials
	message    string     // "" is none
	divergence string     // how the row of docs/aws-divergences.md begins that says why the answer may not be AWS's; mostly ""
}

// wire is a whole server, whose clock stands within a second, and the issuer it
// trusts.
type wire struct {
	*awsapitest.Server // speaks to the server
	tokens
	down string // the URL of a registered issuer that nobody serves
}

// startWire starts the server, registers the issuer in two accounts and makes
// roles, all as their owners do. Before that, prepare puts into the data directory
// what no operation makes; it is given the server's time in whole seconds.
func startWire(t *testing.T, prepare func(*awsapitest.Server, time.Time)) *wire {
	t.Helper()
	keys := t.TempDir()
	issuer, _ := serveIssuer(t, keys)
	now := time.Now().UTC().Truncate(time.Second).Add(678 * time.Millisecond)
	c := newConfig(t.TempDir())
	c.Now = func() time.Time { return now }
	mustStart(t, c).mustStop(t)
	s := awsapitest.OpenData(t, c.DataDir, c.Now)
	s.AddAccount(t, otherAccount)
	stranger, err := s.UserOf(t, otherAccount, "administrator", awsapitest.Administrator).Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	prepare(s, now.Truncate(time.Second))

	r := mustStart(t, c)
	s.URL = r.endpoint
	admin := iamclient.NewFromConfig(r.administrator(t, c.DataDir))
	w := &wire{s, tokens{t: t, issuer: issuer, key: signingKey(t, keys), now: now.Unix()}, "https://" + unserved(t)}
	provider := register(t, admin, issuer.Issuer.URL(), issuer.Thumbprint)
	register(t, admin, w.down, issuer.Thumbprint)
	register(t, iamclient.NewFromConfig(r.config(stranger)), issuer.Issuer.URL(), strings.Repeat("0", 40))
	createRole(t, admin, "deploy", `{"Federated":"`+provider+`"}`, `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`, 3600)
	createRole(t, admin, "others", `{"Federated":"`+provider+`"}`, `"sts:AssumeRole"`, 3600)
	createRole(t, admin, "long", `{"Federated":"`+provider+`"}`, `"sts:AssumeRoleWithWebIdentity"`, 43200)
	createRole(t, admin, "chained", `{"AWS":"arn:aws:iam::`+awsapitest.Account+`:role/deploy"}`, `"sts:AssumeRole"`, 43200)
	createRole(t, admin, "chained-short", `{"AWS":"arn:aws:iam::`+awsapitest.Account+`:role/deploy"}`, `"sts:AssumeRole"`, 3600)
	return w
}

// unserved is an address on which nobody listens any more.
func unserved(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// register makes a provider, and gives its ARN.
func register(t *testing.T, c *iamclient.Client, issuer, thumbprint string) string {
	t.Helper()
	out, err := c.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: &issuer, ClientIDList: []string{"aud", "another"}, ThumbprintList: []string{thumbprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.OpenIDConnectProviderArn
}

func createRole(t *testing.T, c *iamclient.Client, name, principal, actions string, longest int32) {
	t.Helper()
	_, err := c.CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName: &name, MaxSessionDuration: &longest, AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":` + actions + `}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// signingKey is the key of an issuer's ID tokens; before it in the file is that
// of users who sign in.
func signingKey(t *testing.T, dir string) *rsa.PrivateKey {
	t.Helper()
	_, rest := pem.Decode([]byte(read(t, dir, "signing-keys.pem")))
	block, _ := pem.Decode(rest)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

// tokens makes tokens of an issuer that are wrong in one way.
type tokens struct {
	t      *testing.T
	issuer *instance.Instance
	key    *rsa.PrivateKey
	now    int64
}

// object is a JSON object of a token.
type object = map[string]any

// absent takes a member out.
type absent struct{}

// with is a token whose claims differ, and whose signature is right.
func (k *tokens) with(claims object) string { return k.signed(nil, claims) }

// header is a good token but for its header.
func (k *tokens) header(header object) string { return k.signed(header, nil) }

func (k *tokens) signed(header, claims object) string {
	k.t.Helper()
	signed := k.part(object{"alg": "RS256", "typ": "JWT", "kid": k.issuer.Issuer.KeyID()}, header) + "." + k.part(object{
		"iss": k.issuer.Issuer.URL(), "sub": "project_path:mygroup/myproject:ref_type:branch:ref:main", "aud": "aud",
		"iat": k.now, "nbf": k.now - 5, "exp": k.now + 300, "jti": "id-of-the-token",
	}, claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.key, crypto.SHA256, sum[:])
	if err != nil {
		k.t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (k *tokens) part(members, change object) string {
	k.t.Helper()
	maps.Copy(members, change)
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == absent{} })
	text, err := json.Marshal(members)
	if err != nil {
		k.t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// TestWireRows sends each row of what is recorded of AWS STS, and each way in
// which a signature is wrong, to one server as it runs, and compares what comes
// back byte for byte.
func TestWireRows(t *testing.T) {
	t.Parallel()
	type signatures struct {
		service, form, namespace, succeeds string
		rows                               []awsapitest.SignatureRow
	}
	var all []signatures
	w := startWire(t, func(s *awsapitest.Server, now time.Time) {
		admin, err := s.AdminConfig.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for form, signing := range awsapitest.SignatureForms() {
			signing.Credentials, signing.Time = admin, now
			signing.Service = "sts"
			all = append(all, signatures{"sts", form, stsNamespace, "<Arn>arn:aws:", s.SignatureRows(t, &signing, url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}})})
			signing.Service = "iam"
			all = append(all, signatures{"iam", form, iamNamespace, "<RoleName>deploy</RoleName>", s.SignatureRows(t, &signing, url.Values{"Action": {"ListRoles"}, "Version": {"2010-05-08"}})})
		}
	})
	for _, of := range all {
		if len(of.rows) < 30 {
			t.Errorf("%s %s has %d rows", of.service, of.form, len(of.rows))
		}
		for _, row := range of.rows {
			t.Run(of.service+" "+of.form+" "+row.Name, func(t *testing.T) { row.Send(t, w.Server, of.service, of.namespace, of.succeeds) })
		}
	}
	divergences := read(t, filepath.Join("..", "..", "docs", "aws-divergences.md"))
	for _, rows := range [][]wireRow{w.roleRows(), w.claimRows(), w.timeRows(), w.keyRows(), w.providerRows(), w.awsClaimRows(), w.parameterRows(), w.durationRows(t)} {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				if !strings.Contains(divergences, "\n| "+row.divergence) {
					t.Errorf("no divergence begins %q", row.divergence)
				}
				w.check(t, &row)
			})
		}
	}
}

func (w *wire) check(t *testing.T, row *wireRow) {
	t.Helper()
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "WebIdentityToken": {row.token},
		"RoleArn": {role("deploy")}, "RoleSessionName": {"job-1"},
	}
	for i := 0; i+1 < len(row.parameters); i += 2 {
		form.Set(row.parameters[i], row.parameters[i+1])
	}
	reply := w.Post(t, row.caller, "sts", time.Unix(w.now, 0), form)
	if row.code == "" {
		if reply.Status != http.StatusOK || !strings.Contains(reply.Body, "<AccessKeyId>ASIA") {
			t.Errorf("%d %s", reply.Status, reply.Body)
		}
		return
	}
	status := row.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	reply.WantFault(t, stsNamespace, status, row.code, row.message)
}

func role(name string) string { return "arn:aws:iam::" + awsapitest.Account + ":role/" + name }
