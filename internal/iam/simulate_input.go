package iam

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
)

// simulationInput is what the two simulating operations have in common.
type simulationInput struct {
	policies       []string
	boundary       []string // at most one
	resourcePolicy string
	actions        []string
	resources      []string // "*" alone where the request names none
	owner          string   // account of ResourceOwner, "" without
	caller         string   // CallerArn, "" without
	entries        []contextEntry
	page           page
}

// contextEntry is one condition key of the simulated request.
type contextEntry struct {
	name   string
	multi  bool
	values []string
}

// simulatedAction is an action without wildcards. It need not be one that
// exists: the simulator takes any (published captures of AWS).
var simulatedAction = regexp.MustCompile(`^[A-Za-z0-9.-]+:[A-Za-z0-9._-]+$`)

// simulation reads those parameters. The bounds are the service model's.
func (in *input) simulation() *simulationInput {
	s := &simulationInput{
		policies: in.documents("PolicyInputList"),
		boundary: in.documents("PermissionsBoundaryPolicyInputList"),
		actions:  in.list("ActionNames", 3, 128), resources: in.list("ResourceArns", 1, maxARN),
		entries: in.contextEntries(), page: in.page(),
	}
	in.check.Required("actionNames", in.params.HasAny("ActionNames"))
	if in.params.Has("ResourcePolicy") {
		s.resourcePolicy = in.document("ResourcePolicy")
	}
	s.caller, _ = in.text("CallerArn", 1, maxARN)
	in.refuseUnserved("ResourceHandlingOption", "PolicyExclusionList", "OrderedOrganizationPolicyInputList")
	if len(s.boundary) > 1 {
		in.refuse(invalidInput("The list of Permissions Boundary policies cannot exceed 1 items."))
	}
	for _, action := range s.actions {
		if !simulatedAction.MatchString(action) { // AWS's sentence is not known
			in.refuse(invalidInput("Invalid action name: " + action + ". Write service:Action, without wildcards."))
		}
	}
	if len(s.resources) == 0 {
		s.resources = []string{"*"}
	}
	for _, resource := range s.resources {
		if _, err := arn.Parse(resource); err != nil && resource != "*" {
			in.refuse(invalidInput("ResourceNames are not in a valid ARN format: " + resource + "."))
		}
	}
	if owner, sent := in.text("ResourceOwner", 1, maxARN); sent {
		a, err := arn.Parse(owner)
		if err != nil || owner != arn.Root(a.Account) || !arn.ValidAccount(a.Account) {
			in.refuse(invalidInput("'" + owner + "' is not a valid as a Resource Owner."))
		}
		s.owner = a.Account
	}
	return s
}

// firstAction is where the page begins.
func (s *simulationInput) firstAction() (int, error) {
	if s.page.after == "" {
		return 0, nil
	}
	first, err := strconv.Atoi(s.page.after)
	if err != nil || first < 1 || first >= len(s.actions) {
		return 0, awsapi.Invalid("Invalid Marker. Give the Marker of the page before, as it was received, with the same actions.")
	}
	return first, nil
}

// documents reads a list of policy documents as text.
func (in *input) documents(parameter string) []string {
	texts := in.list(parameter, 1, maxDocument)
	for i, text := range texts {
		if text != "" {
			in.check.Pattern(member(parameter)+"."+strconv.Itoa(i+1)+".member", text, documentPattern, `[\u0009\u000A\u000D\u0020-\u00FF]+`)
		}
	}
	return texts
}

// contextKeyTypes are the types of a condition key; those that end in List are
// of multivalued keys.
var contextKeyTypes = []string{
	"string", "stringList", "numeric", "numericList", "boolean", "booleanList",
	"ip", "ipList", "binary", "binaryList", "date", "dateList",
}

// maxContextEntries keeps the search for a key short. AWS's limit is not known.
const maxContextEntries = 1000

// contextEntries reads ContextEntries. The type of an entry says whether its key
// is multivalued, which decides how operators read it. What its values must
// look like is the operators' matter, as it is for a real request. Without a
// type, several values make a multivalued key.
func (in *input) contextEntries() []contextEntry {
	members, err := in.params.Structs("ContextEntries")
	in.decoded(err)
	if len(members) > maxContextEntries {
		in.refuse(invalidInput("The list of context entries cannot exceed " + strconv.Itoa(maxContextEntries) + " items."))
		members = nil
	}
	entries := make([]contextEntry, 0, len(members))
	for i, m := range members {
		at := "contextEntries." + strconv.Itoa(i+1) + ".member."
		values, err := m.List("ContextKeyValues")
		in.decoded(err)
		e := contextEntry{name: m.Get("ContextKeyName"), values: values, multi: len(values) > 1}
		in.length(at+"contextKeyName", e.name, 5, 256)
		if kind := m.Get("ContextKeyType"); m.Has("ContextKeyType") {
			in.check.OneOf(at+"contextKeyType", kind, contextKeyTypes...)
			e.multi = strings.HasSuffix(kind, "List")
		}
		if !e.multi && len(values) != 1 { // AWS's sentence is not known
			in.refuse(invalidInput("The context key " + e.name + " has " + strconv.Itoa(len(values)) +
				" values; a key of a single-valued type has one. Give one, or a type that ends in List."))
		}
		if slices.ContainsFunc(entries, func(had contextEntry) bool { return strings.EqualFold(had.name, e.name) }) {
			in.refuse(invalidInput("The context key " + e.name + " is given twice."))
		}
		entries = append(entries, e)
	}
	return entries
}

// simulatedDocument parses a policy that a request brings to be simulated. A
// document that cannot be decided by is invalid input here (service model).
func simulatedDocument(kind policy.Kind, text string) (*policy.Document, error) {
	document, err := parse(kind, text)
	var fault *awsapi.Fault
	if errors.As(err, &fault) {
		fault.Code = "InvalidInput"
	}
	return document, err
}

func simulatedDocuments(kind policy.Kind, texts []string) ([]*policy.Document, error) {
	documents := make([]*policy.Document, 0, len(texts))
	for _, text := range texts {
		document, err := simulatedDocument(kind, text)
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
	return documents, nil
}
