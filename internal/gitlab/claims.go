package gitlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// Times of a token, in seconds (GitLab's lib/gitlab/ci/jwt_base.rb).
const (
	notBefore  = 5   // nbf lies so long before iat
	defaultTTL = 300 // life of the token of a job without a timeout
)

// maxGroupsDirect is the number of groups above which GitLab leaves
// groups_direct out.
const maxGroupsDirect = 200

// Claims is the payload of an ID token, its members in GitLab's order. All
// values are strings but those that GitLab writes as numbers or arrays.
type Claims struct {
	ProjectID         string `json:"project_id"`
	ProjectPath       string `json:"project_path"`
	NamespaceID       string `json:"namespace_id"`
	NamespacePath     string `json:"namespace_path"`
	UserID            string `json:"user_id"`
	UserLogin         string `json:"user_login"`
	UserEmail         string `json:"user_email"`
	UserAccessLevel   string `json:"user_access_level"`
	JobProjectID      string `json:"job_project_id"`
	JobProjectPath    string `json:"job_project_path"`
	JobNamespaceID    string `json:"job_namespace_id"`
	JobNamespacePath  string `json:"job_namespace_path"`
	PipelineID        string `json:"pipeline_id"`
	PipelineSource    string `json:"pipeline_source"`
	JobID             string `json:"job_id"`
	Ref               string `json:"ref"`
	RefType           string `json:"ref_type"`
	RefPath           string `json:"ref_path"`
	RefProtected      string `json:"ref_protected"`
	RunnerID          int64  `json:"runner_id"`
	RunnerEnvironment string `json:"runner_environment"`
	SHA               string `json:"sha"`
	ProjectVisibility string `json:"project_visibility"`
	CIConfigRefURI    string `json:"ci_config_ref_uri"`
	CIConfigSHA       string `json:"ci_config_sha"`
	JobSource         string `json:"job_source"`

	JTI string   `json:"jti"`
	ISS string   `json:"iss"`
	IAT int64    `json:"iat"` // seconds since 1970
	NBF int64    `json:"nbf"`
	EXP int64    `json:"exp"`
	Sub string   `json:"sub"`
	Aud Audience `json:"aud"`

	UserIdentities []UserIdentity `json:"user_identities,omitempty"`
	GroupsDirect   []string       `json:"groups_direct,omitempty"`

	// Of a job with an environment only.
	Environment          string `json:"environment,omitempty"`
	EnvironmentProtected string `json:"environment_protected,omitempty"`
	DeploymentTier       string `json:"deployment_tier,omitempty"`
	EnvironmentAction    string `json:"environment_action,omitempty"`
}

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

// ErrJobNotMade says that a Job was not made by NewJob, and so may say anything.
var ErrJobNotMade = errors.New("gitlab: the job was not made by NewJob")

// Claims returns what a token for this job and audience says when it is minted
// at now, all but jti. With one audience aud is a string.
func (i *Issuer) Claims(j *Job, aud []string, now time.Time) (*Claims, error) {
	return i.claims(j, Aud(aud...), now)
}

func (i *Issuer) claims(j *Job, aud Audience, now time.Time) (*Claims, error) {
	if j == nil || !j.made {
		return nil, ErrJobNotMade
	}
	if err := aud.check(); err != nil {
		return nil, err
	}
	id := func(n int64) string { return strconv.FormatInt(n, 10) }
	ttl := int64(defaultTTL)
	if j.Timeout > 0 {
		ttl = int64(j.Timeout / time.Second)
	}
	_, server, _ := strings.Cut(j.ServerURL, "://")
	c := &Claims{
		ProjectID: id(j.Project.ID), ProjectPath: j.Project.Path,
		NamespaceID: id(j.Namespace.ID), NamespacePath: j.Namespace.Path,
		UserID: id(j.User.ID), UserLogin: j.User.Login, UserEmail: j.User.Email, UserAccessLevel: j.User.AccessLevel,
		JobProjectID: id(j.Project.ID), JobProjectPath: j.Project.Path,
		JobNamespaceID: id(j.Namespace.ID), JobNamespacePath: j.Namespace.Path,
		PipelineID: id(j.Pipeline.ID), PipelineSource: j.Pipeline.Source, JobID: id(j.ID),
		Ref: j.Ref, RefType: j.RefType, RefPath: j.refPath(), RefProtected: strconv.FormatBool(j.Protected),
		RunnerID: j.Runner.ID, RunnerEnvironment: j.Runner.Environment,
		SHA: j.SHA, ProjectVisibility: j.Project.Visibility,
		CIConfigRefURI: server + "/" + j.Project.Path + "//" + j.ConfigPath + "@" + j.refPath(), CIConfigSHA: j.SHA,
		JobSource: j.Pipeline.Source,
		ISS:       i.url, IAT: now.Unix(), NBF: now.Unix() - notBefore, EXP: now.Unix() + ttl,
		Aud:            Audience{Values: slices.Clone(aud.Values), List: aud.List},
		UserIdentities: slices.Clone(j.User.Identities),
	}
	if len(j.User.GroupsDirect) <= maxGroupsDirect {
		c.GroupsDirect = slices.Clone(j.User.GroupsDirect)
	}
	if e := j.Environment; e != nil {
		c.Environment, c.EnvironmentProtected = e.Name, strconv.FormatBool(e.Protected)
		c.DeploymentTier, c.EnvironmentAction = e.Tier, e.Action
	}
	c.Sub = c.sub(j.SubClaimComponents)
	return c, nil
}

// IDToken mints one token for the job: a JWS in compact form, signed with RS256
// by the CI key. Random gives the jti, a version 4 UUID; with one audience aud
// is a string.
func (i *Issuer) IDToken(j *Job, aud []string, now time.Time, random io.Reader) (string, error) {
	return i.idToken(j, Aud(aud...), now, random)
}

func (i *Issuer) idToken(j *Job, aud Audience, now time.Time, random io.Reader) (string, error) {
	c, err := i.claims(j, aud, now)
	if err != nil {
		return "", err
	}
	jti, err := uuid.NewRandomFromReader(random)
	if err != nil {
		return "", fmt.Errorf("gitlab: make the jti: %w", err)
	}
	c.JTI = jti.String()
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("gitlab: write the claims: %w", err)
	}
	signed, err := i.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("gitlab: sign the token: %w", err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("gitlab: write the token: %w", err)
	}
	return token, nil
}

// IDTokens mints the tokens that the job's id_tokens ask for, by the name of
// their variable. References in aud are expanded by the job's variables. It is
// empty for a job whose definition has no id_tokens, or which has none.
func (i *Issuer) IDTokens(j *Job, now time.Time, random io.Reader) (map[string]string, error) {
	out := map[string]string{}
	if j == nil || !j.made {
		return nil, ErrJobNotMade
	}
	if j.definition == nil {
		return out, nil
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
		if out[t.Name], err = i.idToken(j, aud, now, random); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// The components that the subject can be built of (GitLab Docs, "Projects API",
// ci_id_token_sub_claim_components, 19.x).
var (
	firstSubComponents = []string{"project_path", "project_id"}
	otherSubComponents = []string{"ref_type", "ref", "ref_protected", "environment_protected", "deployment_tier"}
)

func checkSubComponents(names []string) error {
	for n, name := range names {
		switch {
		case n == 0 && !slices.Contains(firstSubComponents, name):
			return fmt.Errorf("gitlab: the first component of sub is %q; it should be one of %s",
				name, strings.Join(firstSubComponents, ", "))
		case n > 0 && !slices.Contains(otherSubComponents, name):
			return fmt.Errorf("gitlab: component %q of sub should be one of %s", name, strings.Join(otherSubComponents, ", "))
		case slices.Contains(names[:n], name):
			return fmt.Errorf("gitlab: component %q of sub is named twice", name)
		}
	}
	return nil
}

// sub joins name and value of each component by colons. Those without a value,
// the environment's in a job without one, are left out. Nothing is escaped.
func (c *Claims) sub(components []string) string {
	values := map[string]string{
		"project_path": c.ProjectPath, "project_id": c.ProjectID,
		"ref_type": c.RefType, "ref": c.Ref, "ref_protected": c.RefProtected,
		"environment_protected": c.EnvironmentProtected, "deployment_tier": c.DeploymentTier,
	}
	var parts []string
	for _, name := range components {
		if values[name] != "" {
			parts = append(parts, name, values[name])
		}
	}
	return strings.Join(parts, ":")
}
