package gitlab

import (
	"errors"
	"fmt"
	"slices"
)

// subComponents are those of which sub can be built, with the version from
// which. Source: GitLab's app/models/project_ci_cd_setting.rb,
// ALLOWED_SUB_CLAIM_COMPONENTS. A later text of GitLab's also names
// job_project_id and source_project_id; which version takes them is not known,
// so none does here.
var subComponents = []struct {
	name  string
	since Version
}{
	{"project_path", versionSub},
	{"project_id", versionSubID},
	{"ref_type", versionSub},
	{"ref", versionSub},
	{"ref_protected", versionSubEnvironment},
	{"environment_protected", versionSubEnvironment},
	{"deployment_tier", versionSubEnvironment},
}

var defaultSubComponents = []string{"project_path", "ref_type", "ref"}

// checkSubComponents says what GitLab's API would, in the words of that model;
// those for project_id as the first are not known, and made like the others.
func checkSubComponents(names []string, v Version) error {
	if slices.Equal(names, defaultSubComponents) {
		return nil
	}
	fault := func(format string, args ...any) error {
		return fmt.Errorf("gitlab: ci_id_token_sub_claim_components: "+format, args...)
	}
	if v.Before(versionSub) {
		return fault("GitLab has this setting from %s on, not in %s", versionSub, v)
	}
	if len(names) == 0 {
		return fault("is too short (minimum is 1 character)")
	}
	var errs []error
	switch first := names[0]; {
	case first == "project_path", first == "project_id" && !v.Before(versionSubID):
	case v.Before(versionSubID):
		errs = append(errs, fault("project_path must be the first element of the sub claim"))
	default:
		errs = append(errs, fault("project_path or project_id must be the first element of the sub claim"))
	}
	for _, name := range names {
		allowed := false
		for _, c := range subComponents {
			allowed = allowed || c.name == name && !v.Before(c.since)
		}
		if !allowed {
			errs = append(errs, fault("%s is not an allowed sub claim component", name))
		}
	}
	return errors.Join(errs...)
}
