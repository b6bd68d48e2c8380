package main

import (
	"context"

	"github.com/daypass/daypass/internal/pgcluster"

	"github.com/rogpeppe/go-internal/testscript"
)

// postgres starts a PostgreSQL with an empty database and sets a variable to its URL.
func postgres(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: postgres VAR")
	}
	db, err := pgcluster.Start(context.Background())
	ts.Check(err)
	ts.Defer(func() { ts.Check(db.Close()) })
	ts.Setenv(args[0], db.URL("postgres"))
}
