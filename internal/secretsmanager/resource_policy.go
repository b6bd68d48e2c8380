package secretsmanager

import (
	"errors"
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

// maxPolicy is in characters (service model, NonEmptyResourcePolicyType).
const maxPolicy = 20480

type policyOutput struct {
	ARN            string
	Name           string
	ResourcePolicy string `json:",omitempty"`
}

// getResourcePolicy answers the bytes as submitted, with the present ARNs of the
// users and roles in it, and the unique ids of those that are gone.
var getResourcePolicy = &operation[secretInput]{
	name: "GetResourcePolicy", id: idOf,
	run: func(q *request, _ *secretInput) (any, error) {
		secret, err := q.secret.usable()
		if err != nil {
			return nil, err
		}
		answer := policyOutput{ARN: secret.ARN, Name: secret.Name}
		if secret.Policy != "" {
			answer.ResourcePolicy = q.Snapshot.ShownPolicy(policy.Resource, secret.Policy, secret.Principals)
		}
		return answer, nil
	},
}

type putResourcePolicyInput struct {
	SecretId          string
	ResourcePolicy    string
	BlockPublicPolicy *bool
}

var putResourcePolicy = &operation[putResourcePolicyInput]{
	name:  "PutResourcePolicy",
	id:    func(in *putResourcePolicyInput) string { return in.SecretId },
	check: func(in *putResourcePolicyInput, v *checks) { v.text("resourcePolicy", in.ResourcePolicy, maxPolicy) },
	keys: func(_ *request, in *putResourcePolicyInput, keys *policy.Context) {
		setBool(keys, "secretsmanager:BlockPublicPolicy", in.BlockPublicPolicy)
	},
	run: func(q *request, in *putResourcePolicyInput) (any, error) {
		principals, public, err := q.checkPolicy(in.ResourcePolicy)
		if err != nil {
			return nil, err
		}
		if public && in.BlockPublicPolicy != nil && *in.BlockPublicPolicy {
			return nil, awsapi.Error(http.StatusBadRequest, "PublicPolicyException", publicPolicy)
		}
		s, err := q.update(func(_ store.Tx, s *store.Secret) error {
			s.Policy, s.Principals = in.ResourcePolicy, principals
			return nil
		})
		if err != nil {
			return nil, err
		}
		return nameOf(s), nil
	},
}

const publicPolicy = "The resource policy grants broad access to the secret: a statement allows everyone, and no condition says who that is."

var deleteResourcePolicy = &operation[secretInput]{
	name: "DeleteResourcePolicy", id: idOf,
	run: func(q *request, _ *secretInput) (any, error) {
		s, err := q.update(func(_ store.Tx, s *store.Secret) error {
			s.Policy, s.Principals = "", nil
			return nil
		})
		if err != nil {
			return nil, err
		}
		return nameOf(s), nil
	},
}

type validateResourcePolicyInput struct {
	SecretId       string // may be absent
	ResourcePolicy string
}

type validateResourcePolicyOutput struct {
	PolicyValidationPassed bool
	ValidationErrors       []validationError
}

type validationError struct{ CheckName, ErrorMessage string }

var validateResourcePolicy = &operation[validateResourcePolicyInput]{
	name: "ValidateResourcePolicy",
	id:   func(in *validateResourcePolicyInput) string { return in.SecretId }, optional: true,
	check: func(in *validateResourcePolicyInput, v *checks) {
		v.text("resourcePolicy", in.ResourcePolicy, maxPolicy)
	},
	run: func(q *request, in *validateResourcePolicyInput) (any, error) {
		if in.SecretId != "" {
			if _, err := q.secret.existing(); err != nil {
				return nil, err
			}
		}
		answer := validateResourcePolicyOutput{ValidationErrors: []validationError{}}
		_, public, err := q.checkPolicy(in.ResourcePolicy)
		var f *awsapi.Fault
		switch {
		case errors.As(err, &f) && f.Code == "MalformedPolicyDocumentException":
			answer.ValidationErrors = append(answer.ValidationErrors, validationError{"PolicyDocument", f.Message})
		case err != nil:
			return nil, err
		case public:
			answer.ValidationErrors = append(answer.ValidationErrors, validationError{"PublicPolicy", publicPolicy})
		}
		answer.PolicyValidationPassed = len(answer.ValidationErrors) == 0
		return answer, nil
	},
}

// checkPolicy checks the policy of a secret: what it says, that it speaks of
// secrets, and that the users and roles that it names exist. It gives their unique
// ids, and whether the policy is public.
func (q *request) checkPolicy(text string) (principals map[string]string, public bool, err error) {
	parsed, err := policy.Parse(policy.Resource, text)
	var syntax *policy.SyntaxError
	if errors.As(err, &syntax) {
		f := malformedPolicy("%s", syntax.Message)
		f.Reason = syntax.Error()
		return nil, false, f
	}
	if err != nil {
		return nil, false, err
	}
	for _, statement := range parsed.Statements() {
		for _, action := range statement.Actions() {
			service, _, _ := strings.Cut(action, ":")
			if action != "*" && !strings.EqualFold(service, "secretsmanager") {
				return nil, false, malformedPolicy("This resource policy contains an unsupported action.").Because("%s is no action of Secrets Manager", action)
			}
		}
	}
	ids, missing := q.Snapshot.PrincipalIDs(parsed)
	if missing != "" {
		return nil, false, malformedPolicy("This resource policy contains an unsupported principal.").Because("there is no user or role %s", missing)
	}
	return ids, parsed.Public(), nil
}
