package iam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// Import is how an account is imported. Directory, Account and Random may not
// be nil.
type Import struct {
	Directory *directory.Directory
	Account   *account.Account
	// Replace makes the account equal to what is imported: what is not in it is
	// deleted. Without, what exists already must be the same.
	Replace bool
	// AsIs keeps what an operation would refuse, as a warning, where it can be
	// kept: documents that Daypass cannot read and policies that are not here (both
	// deny), what is over a quota, tags of AWS's own, principals of which nothing
	// is known.
	AsIs bool
	// Partial says that the account comes from account.Details, so that what those
	// do not tell stays as it is: OIDC providers, the alias, descriptions and
	// durations of roles, instance profiles without a role, tags of instance
	// profiles, descriptions of policies.
	Partial bool
	DryRun  bool // find out, and write nothing
	Now     time.Time
	Random  io.Reader // of unique ids, where what is imported has none
}

// Imported is what an import did, or would do.
type Imported struct {
	Changes  []Change // in the order of account.Account; empty: all was so already, or it was refused
	Problems []account.Problem
	// Refused says that a problem is more than a warning, and nothing was written.
	Refused bool
}

// Change is what becomes of one thing.
type Change struct {
	Kind store.Kind
	Name string
	What string // created, changed or deleted
	// AccessKeys is how many access keys are deleted with a user.
	AccessKeys int
}

// errOvertaken says that the store was written to since the snapshot.
var errOvertaken = errors.New("iam: the account changed while it was imported")

// importAttempts bounds how often an import begins again because somebody else
// wrote. A server writes times of last use and the like, not often.
const importAttempts = 50

// Run checks everything, then writes all of it in one transaction or nothing. The
// checks are those of the operations that make such things, and all problems are
// told, not only the first. Access keys of users who stay, by their unique id or
// by their name, stay as well.
func (im Import) Run(ctx context.Context) (*Imported, error) {
	for range importAttempts {
		plan := im.plan(im.Directory.Snapshot())
		if plan.refused() || im.DryRun || len(plan.done.Changes) == 0 {
			if plan.done.Refused = plan.refused(); plan.done.Refused {
				plan.done.Changes = nil
			}
			return &plan.done, nil
		}
		err := im.Directory.Update(ctx, plan.write)
		if err == nil {
			return &plan.done, nil
		}
		if !errors.Is(err, errOvertaken) {
			return nil, err
		}
		if err := im.Directory.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w, %d times; try again when less is going on", errOvertaken, importAttempts)
}

// importPlan is an import held against one snapshot.
type importPlan struct {
	Import
	snapshot *directory.Snapshot
	was      *account.Account // nil: there is no such account
	own      account.Account  // what is imported, filled up
	after    account.Account  // what there will be
	done     Imported
	uniques  map[string]account.Place // unique ids and whose they are

	puts    []put
	deletes []store.ID
	keys    map[string]string // access keys whose user gets another name
}

type put struct {
	id       store.ID
	document []byte
}

func (im Import) plan(s *directory.Snapshot) *importPlan {
	p := &importPlan{Import: im, snapshot: s, own: *im.Account, uniques: map[string]account.Place{}, keys: map[string]string{}}
	if was, ok := account.Of(s, p.own.ID); ok {
		p.was = was
	}
	p.fill()
	p.check()
	p.merge()
	p.resolve()
	p.clash()
	if !p.refused() {
		p.compare()
	}
	return p
}

func (p *importPlan) refused() bool {
	return slices.ContainsFunc(p.done.Problems, func(problem account.Problem) bool { return !problem.Warning })
}

// refuse notes a problem that nothing helps against.
func (p *importPlan) refuse(at account.Place, format string, args ...any) {
	p.done.Problems = append(p.done.Problems, account.Problem{Place: at, Message: fmt.Sprintf(format, args...)})
}

// object notes a problem with which the thing can be kept as it is.
func (p *importPlan) object(at account.Place, format string, args ...any) {
	p.done.Problems = append(p.done.Problems, account.Problem{Place: at, Message: fmt.Sprintf(format, args...), Warning: p.AsIs})
}

// warn notes what a person should know.
func (p *importPlan) warn(at account.Place, format string, args ...any) {
	p.done.Problems = append(p.done.Problems, account.Problem{Place: at, Message: fmt.Sprintf(format, args...), Warning: true})
}

// write carries the plan out. Nobody may have written since the snapshot: what an
// account has is listed there, and a transaction cannot list.
func (p *importPlan) write(tx store.Tx) error {
	for _, w := range p.puts {
		if err := tx.Put(w.id, w.document); err != nil {
			return err
		}
	}
	first, err := tx.Get(p.puts[0].id) // under the revision that this transaction takes
	if err != nil {
		return err
	}
	if first.Revision != p.snapshot.Revision()+1 {
		return errOvertaken
	}
	for _, id := range p.deletes {
		if err := tx.Delete(id); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	for id, user := range p.keys {
		err := changeRecord(tx, store.AccessKeyID(p.own.ID, id), func(key *store.AccessKey) error {
			key.UserName = user
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// put plans to write a record, and whether it is another than there is.
func (p *importPlan) put(id store.ID, name string, record, was any) {
	document, err := store.Encode(record)
	if err == nil {
		err = store.CheckPut(id, document)
	}
	if err != nil {
		p.refuse(account.Place{Kind: id.Kind, Name: name}, "%s", strings.TrimPrefix(err.Error(), "store: "))
		return
	}
	what := "created"
	if was != nil {
		what = "changed"
		if before, err := store.Encode(was); err == nil && bytes.Equal(before, document) {
			return
		}
	}
	p.puts = append(p.puts, put{id, document})
	p.done.Changes = append(p.done.Changes, Change{Kind: id.Kind, Name: name, What: what})
}

func (p *importPlan) delete(id store.ID, name string) {
	p.deletes = append(p.deletes, id)
	p.done.Changes = append(p.done.Changes, Change{Kind: id.Kind, Name: name, What: "deleted"})
}

// accountRecord plans the account's own record, which is written first in any
// case: by it a write of somebody else is noticed.
func (p *importPlan) accountRecord() {
	id := store.AccountID(p.own.ID)
	record := store.Account{Account: p.own.ID, Alias: p.after.Alias, Created: p.after.Created}
	document, err := store.Encode(record)
	if err != nil {
		p.refuse(account.Place{}, "%v", err)
		return
	}
	p.puts = append(p.puts, put{id, document})
	alias := ""
	if p.was == nil {
		p.done.Changes = append(p.done.Changes, Change{Kind: id.Kind, Name: p.own.ID, What: "created"})
	} else if alias = p.was.Alias; alias != record.Alias || !p.was.Created.Equal(record.Created) {
		p.done.Changes = append(p.done.Changes, Change{Kind: id.Kind, Name: p.own.ID, What: "changed"})
	}
	if alias == record.Alias {
		return
	}
	if alias != "" {
		p.deletes = append(p.deletes, store.AccountAliasID(alias))
	}
	if record.Alias != "" {
		document, err := store.Encode(store.AccountAlias{Account: p.own.ID, Alias: record.Alias, Created: p.Now})
		if err != nil {
			p.refuse(account.Place{}, "%v", err)
			return
		}
		p.puts = append(p.puts, put{store.AccountAliasID(record.Alias), document})
	}
}
