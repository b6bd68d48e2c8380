package gitlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/idtoken"
)

// Times of a token, in seconds (GitLab's lib/gitlab/ci/jwt_base.rb).
const (
	notBefore  = 5   // nbf lies so long before iat
	defaultTTL = 300 // life of the token of a job without a timeout
)

// maxGroupsDirect is the number of groups above which GitLab leaves
// groups_direct out.
const maxGroupsDirect = 200

// Audience is the claim aud: a string, or an array (RFC 7519, section 4.1.3).
// GitLab writes what the file wrote.
type Audience struct {
	Values []string
	List   bool // an array, also of one
}

// Aud is the audience as most callers mean it: one value is a string, several
// are an array.
func Aud(values ...string) Audience { return Audience{Values: values, List: len(values) != 1} }

// MarshalJSON writes a string or an array.
func (a Audience) MarshalJSON() ([]byte, error) {
	if !a.List && len(a.Values) == 1 {
		return json.Marshal(a.Values[0])
	}
	return json.Marshal(a.Values)
}

func (a Audience) check() error {
	if len(a.Values) == 0 || slices.Contains(a.Values, "") {
		return errors.New("gitlab: an ID token needs an audience that is not empty")
	}
	return nil
}

var (
	// ErrJobNotMade says that a Job was not made by NewJob, and so may say anything.
	ErrJobNotMade = errors.New("gitlab: the job was not made by NewJob")
	// ErrBurnedPath says that GitLab would fail the job, for the reason
	// id_token_burned_project_path, in the words of its
	// app/presenters/commit_status_presenter.rb.
	ErrBurnedPath = errors.New("gitlab: id_token_burned_project_path: ID token issuance is disabled in CI because " +
		"this project's path was previously used by a different project. To restore ID tokens, set " +
		"`ci_id_token_sub_claim_components` to start with `project_id` (for example, " +
		"`[\"project_id\", \"ref_type\", \"ref\"]`) and update your cloud trust policy to match")
)

// kinds of tokens: who has a claim.
type kind int

const (
	idTokens kind = iota
	jwtV1         // the variables CI_JOB_JWT and CI_JOB_JWT_V1
	jwtV2         // the variable CI_JOB_JWT_V2
)

// absent is the value of a claim that is not there. Null is another thing.
type absent struct{}

// minting is one token while it is made.
type minting struct {
	*Job
	kind kind
	iss  string
	aud  Audience
	now  time.Time
	jti  string
	// sub is in the claims, and made of them.
	sub string
	// target is the audience of Google's Workload Identity Federation.
	target string
}

// member is a claim: the version that brought it, whether the variables of old
// had it, and its value.
type member struct {
	name  string
	since Version
	newer bool // not in V1, which stayed as it was
	value func(*minting) any
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

// members are all claims in the order in which GitLab 18.9 writes them. All
// values are strings but those that GitLab writes as numbers, arrays or an
// object.
var members = []member{
	{"project_id", version15x, false, func(m *minting) any { return id(m.source().ID) }},
	{"project_path", version15x, false, func(m *minting) any { return m.source().Path }},
	{"namespace_id", version15x, false, func(m *minting) any { return id(m.sourceNamespace().ID) }},
	{"namespace_path", version15x, false, func(m *minting) any { return m.sourceNamespace().Path }},
	{"user_id", version15x, false, func(m *minting) any { return id(m.User.ID) }},
	{"user_login", version15x, false, func(m *minting) any { return m.User.Login }},
	{"user_email", version15x, false, func(m *minting) any { return m.User.Email }},
	{"user_access_level", versionAccess, false, func(m *minting) any {
		if m.User.AccessLevel == noAccess {
			return nil
		}
		return m.User.AccessLevel
	}},
	{"job_project_id", versionJobProject, true, func(m *minting) any { return id(m.Project.ID) }},
	{"job_project_path", versionJobProject, true, func(m *minting) any { return m.Project.Path }},
	{"job_namespace_id", versionJobProject, true, func(m *minting) any { return id(m.Namespace.ID) }},
	{"job_namespace_path", versionJobProject, true, func(m *minting) any { return m.Namespace.Path }},
	{"pipeline_id", version15x, false, func(m *minting) any { return id(m.Pipeline.ID) }},
	{"pipeline_source", version15x, false, func(m *minting) any { return m.Pipeline.Source }},
	{"job_id", version15x, false, func(m *minting) any { return id(m.ID) }},
	{"ref", version15x, false, func(m *minting) any { return m.Ref }},
	{"ref_type", version15x, false, func(m *minting) any { return m.RefType }},
	{"ref_path", versionFulcio, false, func(m *minting) any { return m.refPath() }},
	{"ref_protected", version15x, false, func(m *minting) any { return strconv.FormatBool(m.Protected) }},
	{"runner_id", versionFulcio, true, func(m *minting) any { return m.Runner.ID }},
	{"runner_environment", versionFulcio, true, func(m *minting) any { return m.Runner.Environment }},
	{"sha", versionFulcio, true, func(m *minting) any { return m.SHA }},
	{"project_visibility", versionVisible, true, func(m *minting) any { return m.Project.Visibility }},
	{"ci_config_ref_uri", versionConfig, true, func(m *minting) any { return m.configRefURI() }},
	{"ci_config_sha", versionConfig, true, func(m *minting) any {
		if m.configRefURI() == nil {
			return nil
		}
		return m.SHA
	}},
	{"job_source", versionJobSource, true, func(m *minting) any { return m.Source }},
	{"jti", version15x, false, func(m *minting) any { return m.jti }},
	{"iss", version15x, false, func(m *minting) any { return m.iss }},
	{"iat", version15x, false, func(m *minting) any { return m.now.Unix() }},
	{"nbf", version15x, false, func(m *minting) any { return m.now.Unix() - notBefore }},
	{"exp", version15x, false, func(m *minting) any { return m.now.Unix() + m.life() }},
	{"sub", version15x, false, func(m *minting) any { return m.sub }},
	{"aud", version15x, true, func(m *minting) any { return m.aud }},
	{"target_audience", versionTarget, true, func(m *minting) any { return unless(m.target == "", m.target) }},
	{"user_identities", versionFulcio, true, func(m *minting) any {
		return unless(len(m.User.Identities) == 0, slices.Clone(m.User.Identities))
	}},
	{"groups_direct", versionGroups, false, func(m *minting) any { return m.groupsDirect() }},
	{"environment", version15x, false, ofEnvironment(func(e *Environment) any { return e.Name })},
	{"environment_protected", version15x, false, ofEnvironment(func(e *Environment) any { return strconv.FormatBool(e.Protected) })},
	{"deployment_tier", version15x, false, ofEnvironment(func(e *Environment) any { return e.Tier })},
	{"environment_action", versionAction, false, ofEnvironment(func(e *Environment) any { return e.Action })},
	{"job_config", versionJobSource, true, func(m *minting) any {
		if m.PolicyConfig == nil {
			return absent{}
		}
		return idtoken.Claims{{Name: "url", Value: m.PolicyConfig.URL}, {Name: "sha", Value: m.PolicyConfig.SHA}}
	}},
}

func unless(not bool, value any) any {
	if not {
		return absent{}
	}
	return value
}

func ofEnvironment(value func(*Environment) any) func(*minting) any {
	return func(m *minting) any {
		if m.Environment == nil {
			return absent{}
		}
		return value(m.Environment)
	}
}

// source is the project that project_id and its like tell of: that of the
// source branch. The job runs in Project all the same.
func (m *minting) source() Project {
	if m.fromFork() && !m.Version.Before(versionFork) {
		return m.MergeRequest.Source.Project
	}
	return m.Project
}

func (m *minting) sourceNamespace() Namespace {
	if m.fromFork() && !m.Version.Before(versionFork) {
		return m.MergeRequest.Source.Namespace
	}
	return m.Namespace
}

func (m *minting) life() int64 {
	if m.Timeout > 0 {
		return int64(m.Timeout / time.Second)
	}
	return defaultTTL
}

// configRefURI is null where the configuration is not a file of the project.
func (m *minting) configRefURI() any {
	if strings.Contains(m.ConfigPath, "@") || strings.Contains(m.ConfigPath, "://") {
		return nil
	}
	_, server, _ := strings.Cut(m.ServerURL, "://")
	return server + "/" + m.Project.Path + "//" + m.ConfigPath + "@" + m.refPath()
}

// groupsDirect is told by every token of some versions, and by those of newer
// ones only under a flag: whoever names groups means that it is on.
func (m *minting) groupsDirect() any {
	switch groups := m.User.GroupsDirect; {
	case len(groups) > maxGroupsDirect:
		return absent{}
	case groups != nil:
		return slices.Clone(groups)
	case m.Version.Before(versionGroupsFlag):
		return []string{}
	}
	return absent{}
}

// claims puts the members together that this token has.
func (m *minting) claims() (idtoken.Claims, error) {
	var out idtoken.Claims
	if m.kind == jwtV1 {
		m.sub = "job_" + id(m.ID)
	}
	values := map[string]string{}
	for _, c := range members {
		if m.Version.Before(c.since) || c.newer && m.kind == jwtV1 {
			continue
		}
		value := c.value(m)
		if _, none := value.(absent); none {
			continue
		}
		out = append(out, idtoken.Claim{Name: c.name, Value: value})
		values[c.name], _ = value.(string)
	}
	if m.kind != jwtV1 {
		out.Set("sub", m.subject(values))
	}
	if slices.Contains(m.SubClaimComponents, "project_path") && m.kind != jwtV1 && !m.Version.Before(versionBurned) && m.source().Burned {
		return nil, ErrBurnedPath
	}
	return out, nil
}

// subject joins name and value of each component by colons. Those without a
// value, the environment's in a job without one, are left out. Nothing is
// escaped: a path or a ref holds no colon.
func (m *minting) subject(values map[string]string) string {
	var parts []string
	for _, name := range m.SubClaimComponents {
		if values[name] != "" {
			parts = append(parts, name, values[name])
		}
	}
	return strings.Join(parts, ":")
}

// Claims returns what a token for this job and audience says when it is minted
// at now, all but jti, which is empty. With one audience aud is a string. A path
// that another project held before is ErrBurnedPath.
func (i *Issuer) Claims(j *Job, aud []string, now time.Time) (idtoken.Claims, error) {
	if err := i.knownTo(j); err != nil {
		return nil, err
	}
	return j.Claims(i.iss, aud, now)
}

// Claims are those that an issuer of any name would put into a token for the
// job. They prove nothing: to sign them is another matter.
func (j *Job) Claims(iss string, aud []string, now time.Time) (idtoken.Claims, error) {
	m, err := mint(j, iss, Aud(aud...), now)
	if err != nil {
		return nil, err
	}
	m.target = j.TargetAudience
	return m.claims()
}

// knownTo says whether the job's version knows the issuer of ID tokens.
func (i *Issuer) knownTo(j *Job) error {
	if j != nil && i.iss != i.url && j.Version.Before(versionIssuer) {
		return fmt.Errorf("gitlab: ci_id_tokens_issuer_url came with GitLab %s; %s knows the instance's URL only", versionIssuer, j.Version)
	}
	return nil
}

// mint begins an ID token.
func mint(j *Job, iss string, aud Audience, now time.Time) (*minting, error) {
	if j == nil || !j.made {
		return nil, ErrJobNotMade
	}
	if err := aud.check(); err != nil {
		return nil, err
	}
	return &minting{Job: j, iss: iss, aud: Audience{Values: slices.Clone(aud.Values), List: aud.List}, now: now}, nil
}

// IDToken mints one token for the job: a JWS in compact form, signed with RS256
// by the CI key. Random gives the jti, a version 4 UUID; with one audience aud
// is a string. The errors are those of Claims.
func (i *Issuer) IDToken(j *Job, aud []string, now time.Time, random io.Reader) (string, error) {
	if err := i.knownTo(j); err != nil {
		return "", err
	}
	m, err := mint(j, i.iss, Aud(aud...), now)
	if err != nil {
		return "", err
	}
	m.target = j.TargetAudience
	return i.finish(m, random)
}

func (i *Issuer) finish(m *minting, random io.Reader) (string, error) {
	jti, err := uuid.NewRandomFromReader(random)
	if err != nil {
		return "", fmt.Errorf("gitlab: make the jti: %w", err)
	}
	m.jti = jti.String()
	c, err := m.claims()
	if err != nil {
		return "", err
	}
	return i.sign(c, nil)
}

// IDTokens mints the tokens that the job's id_tokens ask for, by the name of
// their variable. References in aud are expanded by the job's variables. It is
// empty for a job whose definition has no id_tokens, or which has none. The
// errors are those of Claims: GitLab then fails the job before it begins.
func (i *Issuer) IDTokens(j *Job, now time.Time, random io.Reader) (map[string]string, error) {
	out := map[string]string{}
	if j == nil || !j.made {
		return nil, ErrJobNotMade
	}
	if j.definition == nil {
		return out, nil
	}
	if err := i.knownTo(j); err != nil {
		return nil, err
	}
	variables, err := ci.ExpandNested(j.Variables())
	if err != nil {
		return nil, fmt.Errorf("gitlab: aud: %w", err)
	}
	for _, t := range j.definition.IDTokens {
		aud := Audience{List: t.List}
		for _, a := range t.Aud {
			aud.Values = append(aud.Values, ci.Expand(a, variables))
		}
		if err := aud.check(); err != nil {
			return nil, fmt.Errorf("%w: %s: aud %q expands to an empty string", err, t.Name, t.Aud)
		}
		m, err := mint(j, i.iss, aud, now)
		if err != nil {
			return nil, err
		}
		if out[t.Name], err = i.finish(m, random); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// LegacyTokens mints CI_JOB_JWT, CI_JOB_JWT_V1 and CI_JOB_JWT_V2, the variables
// of GitLab before 17.0, by their name. It is empty for a newer version, and for
// a job that has id_tokens, in which GitLab does not provide them. CI_JOB_JWT
// and V1 are one token, without an audience and with the bare host as issuer:
// nothing that follows OpenID Connect takes it, AWS least of all.
//
// Source: GitLab's app/models/ci/build.rb, lib/gitlab/ci/jwt.rb and jwt_v2.rb
// of 15.11.
func (i *Issuer) LegacyTokens(j *Job, now time.Time, random io.Reader) (map[string]string, error) {
	if j == nil || !j.made {
		return nil, ErrJobNotMade
	}
	out := map[string]string{}
	if !j.HasLegacyTokens() {
		return out, nil
	}
	u, err := url.Parse(j.ServerURL)
	if err != nil {
		return nil, fmt.Errorf("gitlab: server URL: %w", err)
	}
	v1, err := i.finish(&minting{Job: j, kind: jwtV1, iss: u.Hostname(), now: now}, random)
	if err != nil {
		return nil, err
	}
	base := u.Scheme + "://" + u.Host
	v2, err := i.finish(&minting{Job: j, kind: jwtV2, iss: base, aud: Aud(base), now: now}, random)
	if err != nil {
		return nil, err
	}
	return map[string]string{"CI_JOB_JWT": v1, "CI_JOB_JWT_V1": v1, "CI_JOB_JWT_V2": v2}, nil
}

// HasLegacyTokens reports whether the job has the variables CI_JOB_JWT.
func (j *Job) HasLegacyTokens() bool {
	return j.Version.Before(versionNoLegacy) && (j.definition == nil || len(j.definition.IDTokens) == 0)
}
