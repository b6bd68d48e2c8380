package iam

import (
	"iter"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
)

// maxExamined bounds how many items one page looks at where a filter lets few
// of them through. A page may then hold fewer than MaxItems, or none, and still
// say that there are more (IAM API Reference, ListRoles, MaxItems).
const maxExamined = 2000

// maxPage bounds the policy documents that one page tells, in bytes: white space
// is free of the quotas, and a page of roles could have a gigabyte of it.
const maxPage = 4 << 20

// cut takes one page from a list that is in order of key and begins after
// p.after. Next is the key to go on from, "" at the end of the list.
func cut[T any](p page, list iter.Seq[T], key func(T) string, wanted func(T) bool) (items []T, next string) {
	return cutHeavy(p, list, key, wanted, func(T) int { return 0 })
}

// cutHeavy is cut for things that are told with policy documents; weight is how
// long those are. A page has one thing at least.
func cutHeavy[T any](p page, list iter.Seq[T], key func(T) string, wanted func(T) bool, weight func(T) int) (items []T, next string) {
	examined, weighs, last := 0, 0, ""
	for item := range list {
		if examined == maxExamined || (len(items) == p.limit || weighs >= maxPage) && wanted(item) {
			return items, last
		}
		examined++
		last = key(item)
		if len(items) < p.limit && wanted(item) {
			items = append(items, item)
			weighs += weight(item)
		}
	}
	return items, ""
}

// writeNext writes the end of every paginated reply.
func writeNext(x *awsapi.XML, next string) {
	x.Bool("IsTruncated", next != "")
	if next != "" {
		x.Text("Marker", markerOf(next))
	}
}

// foldedAfter gives texts in order of their lower case, from the first that
// comes after the given one. It is for the short lists that one role has.
func foldedAfter(texts []string, after string) iter.Seq[string] {
	byFold := func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
	return func(yield func(string) bool) {
		for _, text := range slices.SortedFunc(slices.Values(texts), byFold) {
			if strings.ToLower(text) > after && !yield(text) {
				return
			}
		}
	}
}
