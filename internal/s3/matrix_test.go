package s3_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/daypass/daypass/internal/s3request"
)

// matrixRow is one form of an operation, with exactly the permissions that it
// needs.
type matrixRow struct {
	operation string
	needs     []need
	// call makes the request as the given client.
	call func(context.Context, *s3.Client) error
	// answers is the code of what is answered to who has all the permissions: ""
	// is success.
	answers string
}

// need is an action on a resource.
type need struct{ action, resource string }

// needs reads pairs of an action, without its prefix where that is s3, and a
// resource.
func needs(pairs ...string) []need {
	var all []need
	for i := 0; i < len(pairs); i += 2 {
		action := pairs[i]
		if !strings.Contains(action, ":") {
			action = "s3:" + action
		}
		all = append(all, need{action, pairs[i+1]})
	}
	return all
}

// on is the call of one operation.
func on[I, O any](method func(*s3.Client, context.Context, *I, ...func(*s3.Options)) (*O, error), in *I) func(context.Context, *s3.Client) error {
	return func(ctx context.Context, c *s3.Client) error {
		out, err := method(c, ctx, in)
		if err != nil {
			return err
		}
		switch out := any(out).(type) {
		case *s3.GetObjectOutput:
			return out.Body.Close()
		case *s3.DeleteObjectsOutput:
			if len(out.Errors) > 0 {
				return &smithy.GenericAPIError{Code: *out.Errors[0].Code, Message: *out.Errors[0].Message}
			}
		}
		return nil
	}
}

// testedElsewhere are the operations of the table that no client has, and the
// test that asks the same of them.
var testedElsewhere = map[string]string{"PostObject": "the tests of form uploads"}

var actionName = regexp.MustCompile(`\b(?:s3|iam):[A-Za-z]+`)

// TestMatrix asks of every operation of the table that exactly the permissions
// named there make it pass, and that without any one of them it is denied in
// AWS's words, by the name of the one that is missing.
func TestMatrix(t *testing.T) {
	g := start(t, nil)
	rows := g.matrix(t)
	client := g.user(t, "matrix")
	for operation, row := range served(t) {
		if testedElsewhere[operation] != "" {
			continue
		}
		if len(rows[operation]) == 0 {
			t.Errorf("%s is in the table and has no row here", operation)
		}
		wanted := map[string]bool{}
		for _, action := range actionName.FindAllString(row, -1) {
			wanted[action] = true
		}
		for _, r := range rows[operation] {
			for _, n := range r.needs {
				if !wanted[n.action] {
					t.Errorf("%s has a row that needs %s, which the table does not name", operation, n.action)
				}
			}
		}
		for action := range wanted {
			if !slices.ContainsFunc(rows[operation], func(r matrixRow) bool {
				return slices.ContainsFunc(r.needs, func(n need) bool { return n.action == action })
			}) && !(operation == "CopyObject" && strings.HasSuffix(action, "Annotation")) {
				t.Errorf("%s needs %s by the table, and no row here does", operation, action)
			}
		}
	}
	for _, operation := range slices.Sorted(maps.Keys(rows)) {
		for i, row := range rows[operation] {
			t.Run(fmt.Sprintf("%s_%d", operation, i), func(t *testing.T) { g.checkRow(t, client, &row) })
		}
	}
}

// served are the operations of the table with their permissions. Those that are
// refused by name are asked for in TestNotServed.
func served(t *testing.T) map[string]string {
	t.Helper()
	var table strings.Builder
	must(t, s3request.Describe(&table))
	operations := map[string]string{}
	for line := range strings.Lines(table.String()) {
		column := strings.Split(line, "\t")
		if !strings.HasPrefix(column[3], "not served: ") {
			operations[column[0]] = column[3]
		}
	}
	return operations
}

func (g *gateway) checkRow(t *testing.T, client *s3.Client, row *matrixRow) {
	t.Helper()
	for missing := range row.needs {
		var policies []string
		for i, n := range row.needs {
			if i != missing {
				policies = append(policies, allow(n.action, n.resource))
			}
		}
		g.grant(t, "matrix", policies...)
		g.checkDenied(t, row.call(t.Context(), client), row, row.needs[missing])
	}
	var policies []string
	for _, n := range row.needs {
		policies = append(policies, allow(n.action, n.resource))
	}
	g.grant(t, "matrix", policies...)
	want(t, "with all permissions", row.call(t.Context(), client), row.answers)
	if e := g.lastEvent(t); e.Operation != row.operation || row.answers == "" && e.Fault != "" {
		t.Errorf("event of %s with fault %q: %s", e.Operation, e.Fault, e.Reason)
	}
}

// checkDenied asks that what is missing be named, in the reply and in the event.
func (g *gateway) checkDenied(t *testing.T, err error, row *matrixRow, missing need) {
	t.Helper()
	of := ` on resource: "` + missing.resource + `"`
	if missing.resource == "*" {
		of = ""
	}
	sentence := "User: arn:aws:iam::" + account + ":user/matrix is not authorized to perform: " + missing.action + of +
		" because no identity-based policy allows the " + missing.action + " action"
	status := http.StatusForbidden
	switch {
	case row.operation == "HeadObject" || row.operation == "HeadBucket":
		want(t, "without "+missing.action, err, "403")
	case code(err) != "AccessDenied" || message(err) != sentence:
		t.Errorf("without %s: %v\nwant AccessDenied: %s", missing.action, err, sentence)
	}
	if row.operation == "DeleteObjects" {
		status = http.StatusOK
	}
	e := g.lastEvent(t)
	if e.Operation != row.operation || e.Status != status || e.Code != "AccessDenied" || e.Message != sentence || e.Reason == "" {
		t.Errorf("event of %s with status %d, %s: %s, reason %q", e.Operation, e.Status, e.Code, e.Message, e.Reason)
	}
	if e.Decision != "ImplicitDeny" || e.Reasons == nil || e.Encoded == "" || e.Action != missing.action || e.Resource != missing.resource {
		t.Errorf("event: decision %q, reasons %v, encoded %t, action %q, resource %q; want them of %v", e.Decision, e.Reasons, e.Encoded != "", e.Action, e.Resource, missing)
	}
	if len(row.needs) > 1 && len(e.Documents) == 0 {
		t.Error("the event names no document")
	}
}

// TestNotServed: what is not served is refused by its name, also to who may do
// everything.
func TestNotServed(t *testing.T) {
	g := start(t, nil)
	var table strings.Builder
	must(t, s3request.Describe(&table))
	for line := range strings.Lines(table.String()) {
		column := strings.Split(line, "\t")
		if !strings.HasPrefix(column[3], "not served: ") {
			continue
		}
		method, target, _ := strings.Cut(column[1], " ")
		target = strings.NewReplacer("BUCKET", "some-bucket", "KEY", "key").Replace(target)
		reply := g.send(t, signed{config: g.AdminConfig, method: method, target: target})
		if reply.Status != http.StatusNotImplemented || !strings.Contains(reply.Body, "<Code>NotImplemented</Code>") {
			t.Errorf("%s: %d %s", column[0], reply.Status, reply.Body)
		}
	}
}
