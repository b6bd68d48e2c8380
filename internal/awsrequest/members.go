package awsrequest

import (
	"maps"
	"slices"
	"strings"
)

// checkMembers refuses a request that has a member which its operation has not. A
// service leaves such a one aside; the rules here would go by it, and ask about the
// queue of a QueueUrl, say, for an operation that does something to another. AWS's EC2
// itself refuses parameters that it does not know (EC2 API Reference, "Error codes",
// UnknownParameter); what else speaks its protocol may not.
//
// A client that is newer than the table may have members that are not known here.
// What they ask for, and with which permission, is not known either.
func (op *Operation) checkMembers() error {
	switch op.Protocol {
	case Query, EC2Query:
		return op.checkNames("parameter", op.params.names, func(name string) bool {
			top, _, _ := strings.Cut(name, ".")
			return top == "Action" || top == "Version" || op.row.has(top) || op.Service.Name == "sqs" && op.row.hasFlat(top)
		})
	case JSON:
		return op.checkNames("member", slices.Sorted(maps.Keys(op.document)), op.row.has)
	case RESTJSON, RESTXML:
		err := op.checkNames("parameter", slices.Sorted(maps.Keys(op.query)), func(name string) bool {
			required, _, _ := strings.Cut(op.row.query, "=")
			return name == required && required != "" || op.row.has("?"+name)
		})
		if err != nil {
			return err
		}
		return op.checkNames("member", slices.Sorted(maps.Keys(op.document)), op.row.has)
	}
	return nil
}

func (op *Operation) checkNames(kind string, names []string, known func(string) bool) error {
	for _, name := range names {
		if !known(name) {
			return malformed("%s has no %s %s that this version of Daypass knows", op.Name, kind, shown(name))
		}
	}
	return nil
}

func (r *row) has(member string) bool { return slices.Contains(r.members, member) }

// hasFlat is has for the Query protocol of Amazon SQS, which the models no longer
// have: lists and maps stand there flattened under a singular (Amazon SQS API
// Reference of 2012-11-05).
func (r *row) hasFlat(name string) bool {
	switch name {
	case "ActionName":
		return r.has("Actions")
	case "Tag":
		return r.has("Tags") || r.has("tags")
	}
	if strings.HasSuffix(name, "RequestEntry") {
		return r.has("Entries") && name == r.name+"RequestEntry"
	}
	return r.has(name + "s")
}
