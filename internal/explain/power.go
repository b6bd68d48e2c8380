package explain

import "github.com/daypass/daypass/internal/policy"

// Power is a statement of a policy in short, for who wants to see what a role may do.
// It decides nothing.
type Power struct {
	Policy string `json:"policy"` // the name of the policy
	Effect string `json:"effect,omitempty"`
	// Actions and Resources are as written; of NotAction and NotResource, those that
	// are left out.
	Actions     []string `json:"actions,omitempty"`
	NotAction   bool     `json:"notAction,omitempty"`
	Resources   []string `json:"resources,omitempty"`
	NotResource bool     `json:"notResource,omitempty"`
	// Conditions is how many there are.
	Conditions int `json:"conditions,omitempty"`
	// Unknown says that the policy cannot be read, or that its text is not known.
	Unknown bool `json:"unknown,omitempty"`
}

// PowersOf are the statements of a policy, one that is unknown where it is nil.
func PowersOf(name string, document *policy.Document) []Power {
	if document == nil {
		return []Power{{Policy: name, Unknown: true}}
	}
	var all []Power
	for _, s := range document.Statements() {
		p := Power{
			Policy: name, Effect: "Allow", Actions: s.Actions(), NotAction: s.ActionElement() == "NotAction",
			Resources: s.Resources(), NotResource: s.ResourceElement() == "NotResource", Conditions: len(s.Conditions()),
		}
		if s.Denies() {
			p.Effect = "Deny"
		}
		all = append(all, p)
	}
	return all
}
