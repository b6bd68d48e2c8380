// Package suite is unit tests of IAM policies: which tokens a role must admit and
// which not, and what its sessions must be allowed and what not. AWS's simulator
// leaves trust policies out; here each case is decided by the engine that decides
// requests.
//
// A suite is a YAML file:
//
//	issuer: https://gitlab.example.com
//	roles:
//	  deploy:
//	    trust: trust.json
//	    permissions: [permissions.json]
//	tests:
//	  - name: main deploys
//	    token: {project_path: acme/app, ref: main}
//	    expect: allow
//	  - name: a look-alike does not
//	    token: {project_path: acme-evil/app, ref: main}
//	    expect: deny
//	    because: StringEquals gitlab.example.com:sub
//	  - name: deploys to its own bucket alone
//	    do: s3:PutObject
//	    on: arn:aws:s3:::releases/app.tar
//	    expect: allow
//
// # Where to look
//
//   - suite.go: what a file holds, as docs/policy-tests.md has it; read.go: how it
//     is read
//   - run.go: how a case is decided; because.go: whether it is for the reason that
//     was expected
//   - result.go: what came of it, and which statements no case needed
package suite

// The comments of the structs below are docs/policy-tests.md, which a test keeps
// fresh.

// Suite is a file of tests. It is YAML; a key that is not listed here, or that is
// given twice, is refused with its line. Paths are relative to the file's folder.
type Suite struct {
	// Account is the account of the roles, 12 digits in quotation marks. By default
	// it is the one that the trust policies name.
	Account string `yaml:"account"`
	// Issuer is the iss of tokens that have none of their own.
	Issuer string `yaml:"issuer"`
	// Audience is the aud of tokens that have none of their own. By default it is
	// `sts.amazonaws.com`.
	Audience string `yaml:"audience"`
	// ExtendedClaims makes every claim of a token a condition key, as
	// `daypass serve --extended-claims` does and AWS does not.
	ExtendedClaims bool `yaml:"extendedClaims"`
	// Roles are the roles that are tested, by name.
	Roles map[string]*Role `yaml:"roles"`
	// Tests are the cases.
	Tests []Case `yaml:"tests"`

	name string
}

// Role is a role with its policies.
type Role struct {
	// Trust is the file of the role's trust policy, as JSON: the document itself, or
	// what `aws iam get-role` prints.
	Trust string `yaml:"trust"`
	// Permissions are the files of its policies, inline and attached.
	Permissions []string `yaml:"permissions"`
	// Boundary is the file of its permissions boundary.
	Boundary string `yaml:"boundary"`
	// Path is the role's path. By default it is `/`.
	Path string `yaml:"path"`
	// Tags are the role's tags.
	Tags map[string]string `yaml:"tags"`
	// ClientIDs are those of the provider. Without them the audience is held against
	// the trust policy alone.
	ClientIDs []string `yaml:"clientIds"`

	trust       document
	permissions []document
	boundary    *document
}

// Case is one test: of a token, of a permission (`do`), or of both, where the token
// has to be admitted first.
type Case struct {
	// Name says what is tested.
	Name string `yaml:"name"`
	// Role is the role's name. It may be left out where there is one role.
	Role string `yaml:"role"`
	// Token holds claims. `iss`, `aud` and the times need not be given, nor `sub`
	// where `project_path` and `ref` are, of which GitLab makes it (`ref_type` is
	// `branch` by default). With `like`, a token of that kind is made as
	// `daypass token mint --like` makes it, and the other keys are claims of it.
	Token map[string]any `yaml:"token"`
	// SessionName is the session's name. By default it is `test`.
	SessionName string `yaml:"sessionName"`
	// Do is an action, such as `s3:GetObject`, or a list of actions.
	Do texts `yaml:"do"`
	// On is the resource's ARN, or a list of them. By default it is `*`.
	On texts `yaml:"on"`
	// Policy is the file of the resource's own policy, such as a bucket's.
	Policy string `yaml:"policy"`
	// Owner is the account that the resource belongs to. By default it is the
	// role's.
	Owner string `yaml:"owner"`
	// Keys are condition keys of the request, a text or a list of texts each.
	Keys map[string]texts `yaml:"keys"`
	// Expect is `allow` or `deny`. Of several actions and resources, it holds of each
	// pair.
	Expect string `yaml:"expect"`
	// Because says why, of a denial: a condition that does not match, by its key
	// (`gitlab.example.com:sub`) or by operator and key; the Sid of a statement that
	// denies; the number of a cause (`cause 47`, see docs/causes.md); or the error that
	// AWS answers (`ExpiredTokenException`).
	Because string `yaml:"because"`

	line     int
	resource *document
}

// document is a policy and where it came from.
type document struct{ file, text string }
