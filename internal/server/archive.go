package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/archive"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/iam"
)

// Export is how an account is written to files.
type Export struct {
	DataDir string
	Account string // "" for the only one
	// Details says that Target is one file, in the form in which the aws CLI prints
	// GetAccountAuthorizationDetails, and not a directory in the form of package
	// archive.
	Details bool
	Target  string
	Output  io.Writer // gets the details where Target is ""
}

// Exported is what an export did.
type Exported struct {
	Account string
	// Unreadable are the account's documents that Daypass cannot read, a line each.
	// They were written as they are.
	Unreadable []string
}

// Run writes the account as it is, also while a server runs on the data directory.
func (e Export) Run(ctx context.Context) (_ *Exported, err error) {
	if err := CheckAccount(e.Account); err != nil {
		return nil, err
	}
	d, err := reopenData(ctx, e.DataDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	dir, err := directory.Open(ctx, d.store, d.masterKey)
	if err != nil {
		return nil, err
	}
	snapshot := dir.Snapshot()
	id, err := chooseAccount(snapshot, e.Account)
	if err != nil {
		return nil, err
	}
	done := &Exported{Account: id}
	for _, problem := range snapshot.Problems() {
		if strings.Contains(problem, id) {
			done.Unreadable = append(done.Unreadable, problem)
		}
	}
	whole, ok := account.Of(snapshot, id)
	if !ok {
		return nil, fmt.Errorf("server: there is no account %s in %s", id, e.DataDir)
	}
	if !e.Details {
		return done, archive.Write(e.Target, whole)
	}
	var text bytes.Buffer
	if err := account.DetailsOf(snapshot, id).Write(&text); err != nil {
		return nil, err
	}
	if e.Target == "" {
		_, err = e.Output.Write(text.Bytes())
		return done, err
	}
	return done, durable.Replace(e.Target, text.Bytes(), 0o600)
}

// chooseAccount is the account asked for, or the only one.
func chooseAccount(snapshot *directory.Snapshot, asked string) (string, error) {
	if asked != "" {
		return asked, nil
	}
	all := snapshot.Accounts()
	if len(all) != 1 {
		var ids []string
		for _, a := range all {
			ids = append(ids, a.Account)
		}
		return "", fmt.Errorf("server: there are %d accounts (%s); say which with --account", len(all), strings.Join(ids, ", "))
	}
	return all[0].Account, nil
}

// Import is how an account is read from files. See iam.Import for Replace, AsIs
// and DryRun.
type Import struct {
	DataDir string
	Account string // what the files' account must be; "" asks nothing
	Source  string // a directory or file as archive.Read takes it
	Replace bool
	// AsIs is always on for a file of GetAccountAuthorizationDetails: what AWS let
	// an account have is kept.
	AsIs   bool
	DryRun bool
	Now    time.Time
	Random io.Reader
}

// Imported is what an import did, or would do.
type Imported struct {
	Account  string
	Changes  []iam.Change
	Problems []archive.Problem // in order of files and lines
	// Refused says that a problem is more than a warning: nothing was written.
	Refused bool
}

// Run reads and checks everything, and then writes all or nothing, also while a
// server runs on the data directory, which follows within a second.
func (i Import) Run(ctx context.Context) (_ *Imported, err error) {
	if err := CheckAccount(i.Account); err != nil {
		return nil, err
	}
	d, err := reopenData(ctx, i.DataDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	dir, err := directory.Open(ctx, d.store, d.masterKey)
	if err != nil {
		return nil, err
	}
	read, err := archive.Read(i.Source)
	if err != nil {
		return nil, err
	}
	id := read.Account.ID
	if i.Account != "" && id != "" && id != i.Account {
		return nil, fmt.Errorf("server: %s is account %s, not %s", i.Source, id, i.Account)
	}
	broken := false
	for _, problem := range read.Problems {
		broken = broken || !problem.Warning
	}
	// What cannot be read lets things look as if they were missing; they are still
	// looked for, so that one run tells all.
	imported, err := iam.Import{
		Directory: dir, Account: read.Account, Replace: i.Replace, AsIs: i.AsIs || read.Details, Partial: read.Details,
		DryRun: i.DryRun || broken, Now: i.Now.UTC().Truncate(time.Second), Random: i.Random,
	}.Run(ctx)
	if err != nil {
		return nil, err
	}
	done := &Imported{Account: id, Changes: imported.Changes, Problems: read.All(imported.Problems), Refused: imported.Refused || broken}
	if !read.Details { // so that an editor finds them
		for n := range done.Problems {
			done.Problems[n].File = filepath.Join(i.Source, done.Problems[n].File)
		}
	}
	if broken { // it was tried only to find more
		done.Changes = nil
	}
	return done, nil
}
