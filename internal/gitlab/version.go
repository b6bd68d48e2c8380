package gitlab

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a version of GitLab, as far as its tokens differ by it: no two
// patches of one minor version do. The zero value stands for Newest where a
// default is taken.
type Version struct{ Major, Minor int }

// The bounds of what is known. Before Oldest there were no id_tokens (GitLab
// Docs, "OpenID Connect (OIDC) Authentication Using ID Tokens", history).
var (
	Oldest = Version{15, 7}
	Newest = Version{19, 6}
)

// ParseVersion reads 18.4, v18.4.2 and 18.4.2-ee. What lies outside Oldest and
// Newest is an error.
func ParseVersion(text string) (Version, error) {
	plain, _, _ := strings.Cut(strings.TrimPrefix(text, "v"), "-")
	parts := strings.Split(plain, ".")
	numbers := make([]int, len(parts))
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || len(parts) < 2 || len(parts) > 3 || strconv.Itoa(n) != p {
			return Version{}, fmt.Errorf("gitlab: version %q should be like 18.4", text)
		}
		numbers[i] = n
	}
	v := Version{numbers[0], numbers[1]}
	if err := v.check(); err != nil {
		return Version{}, err
	}
	return v, nil
}

// String is the version as GitLab writes it, without a patch: 18.4.
func (v Version) String() string { return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) }

// Before reports whether v is older.
func (v Version) Before(o Version) bool {
	return v.Major < o.Major || v.Major == o.Major && v.Minor < o.Minor
}

func (v Version) check() error {
	if v.Before(Oldest) || Newest.Before(v) || v.Minor > 11 {
		return fmt.Errorf("gitlab: version %s is not one of %s to %s", v, Oldest, Newest)
	}
	return nil
}

// The versions in which something of tokens changed. Sources: GitLab Docs,
// "OpenID Connect (OIDC) Authentication Using ID Tokens", the history in its
// tables; "Deprecations and removals by version"; "Projects API",
// ci_id_token_sub_claim_components; the migration that makes
// burned_project_routes.
var (
	version15x     = Oldest // from the beginning
	versionFulcio  = Version{16, 0}
	versionConfig  = Version{16, 2}
	versionVisible = Version{16, 3}
	versionAction  = Version{16, 5}
	versionAccess  = Version{16, 9}
	versionTarget  = Version{16, 10}
	versionGroups  = Version{16, 11}
	// versionNoLegacy removed CI_JOB_JWT and its like.
	versionNoLegacy = Version{17, 0}
	// versionGroupsFlag put groups_direct behind the flag ci_jwt_groups_direct.
	versionGroupsFlag = Version{17, 3}
	// versionSub made the components of sub a setting, versionSubEnvironment and
	// versionSubID added to them. The documentation of project_id says 19.x.
	versionSub            = Version{17, 10}
	versionSubEnvironment = Version{18, 7}
	versionSubID          = Version{19, 0}
	// versionIssuer brought ci_id_tokens_issuer_url.
	versionIssuer = Version{18, 1}
	// versionFork tells the source project of a merge request from a fork, where
	// older versions told the target's. It was a security fix, so patches of
	// 18.0 to 18.2 have it too; 18.3 is the first version that never was without.
	versionFork       = Version{18, 3}
	versionJobProject = Version{18, 4}
	versionJobSource  = Version{18, 9}
	// versionBurned refuses tokens in the name of a path that another project
	// held before.
	versionBurned = Version{19, 1}
)
