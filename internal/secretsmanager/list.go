package secretsmanager

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"sort"
	"time"

	"github.com/daypass/daypass/internal/directory"
)

type listSecretsInput struct {
	IncludePlannedDeletion *bool
	MaxResults             *int64
	NextToken              *string
	Filters                []filter
	SortOrder              *string
	SortBy                 *string
}

type listSecretsOutput struct {
	SecretList []described
	NextToken  string `json:",omitempty"`
}

const maxPage = 100 // secrets or versions in one reply (service model, MaxResultsType)

var listSecrets = &operation[listSecretsInput]{
	name: "ListSecrets",
	check: func(in *listSecretsInput, v *checks) {
		v.number("maxResults", in.MaxResults, maxPage)
		v.given("nextToken", in.NextToken, 1, 4096)
		v.filters(in.Filters)
		if in.SortOrder != nil {
			v.OneOf("sortOrder", *in.SortOrder, "asc", "desc")
		}
		if in.SortBy != nil {
			v.OneOf("sortBy", *in.SortBy, "created-date", "last-accessed-date", "last-changed-date", "name")
		}
	},
	run: func(q *request, in *listSecretsInput) (any, error) {
		page, next, err := q.list(in, maxPage)
		if err != nil {
			return nil, err
		}
		answer := listSecretsOutput{SecretList: []described{}, NextToken: next}
		for _, secret := range page {
			d := describe(secret)
			d.SecretVersionsToStages = stages(&secret.Secret)
			answer.SecretList = append(answer.SecretList, d)
		}
		return answer, nil
	},
}

// list gives the secrets of the caller's account in the region of the request.
// They come by the date on which they were created where nothing else is asked; in
// which direction AWS does not say, and here it is the oldest first.
func (q *request) list(in *listSecretsInput, most int) (page []*directory.Secret, next string, err error) {
	var all []*directory.Secret
	for secret := range q.Snapshot.Secrets(q.Account, q.Region) {
		planned := in.IncludePlannedDeletion != nil && *in.IncludePlannedDeletion
		if (planned || secret.Deleted.IsZero()) && matchesAll(&secret.Secret, in.Filters) {
			all = append(all, secret)
		}
	}
	by := "created-date"
	if in.SortBy != nil {
		by = *in.SortBy
	}
	at := func(s *directory.Secret) position { return position{Key: sortKey(s, by), ID: s.Name} }
	return cut(all, in.NextToken, limit(in.MaxResults, most), at, in.SortOrder != nil && *in.SortOrder == "desc")
}

// sortableTime is a time whose order is that of its text.
const sortableTime = "2006-01-02T15:04:05.000000000"

func sortKey(s *directory.Secret, by string) string {
	var at time.Time
	switch by {
	case "name":
		return s.Name
	case "last-accessed-date":
		at = s.Accessed
	case "last-changed-date":
		at = s.Changed
	default:
		at = s.Created
	}
	return at.UTC().Format(sortableTime)
}

// position is a place in a list, which a NextToken holds: that of the last element
// of the page before.
type position struct {
	Key string `json:"k"`
	ID  string `json:"i"`
}

func compare(a, b position) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID)) }

// cut sorts a list and gives the page behind a token, with the token of the next.
// Whoever changes the order or the filters between two pages gets what comes
// behind the place in the new list.
func cut[T any](all []T, token *string, n int, at func(T) position, descending bool) (page []T, next string, err error) {
	type placed struct {
		at      position
		element T
	}
	list := make([]placed, len(all)) // places are worked out once for each
	for i, element := range all {
		list[i] = placed{at(element), element}
	}
	order := compare
	if descending {
		order = func(a, b position) int { return compare(b, a) }
	}
	slices.SortFunc(list, func(a, b placed) int { return order(a.at, b.at) })
	if token != nil {
		after, err := readToken(*token)
		if err != nil {
			return nil, "", err
		}
		list = list[sort.Search(len(list), func(i int) bool { return order(list[i].at, after) > 0 }):]
	}
	if len(list) > n {
		if next, err = writeToken(list[n-1].at); err != nil {
			return nil, "", err
		}
		list = list[:n]
	}
	for _, p := range list {
		page = append(page, p.element)
	}
	return page, next, nil
}

func writeToken(p position) (string, error) {
	text, err := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(text), err
}

func readToken(token string) (p position, err error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(text, &p) != nil || p.ID == "" {
		return p, invalidNextToken()
	}
	return p, nil
}

func limit(given *int64, most int) int {
	if given == nil {
		return most
	}
	return int(*given) // which was checked
}
