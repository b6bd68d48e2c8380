package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/client"
	"github.com/daypass/daypass/internal/doctor"

	"github.com/spf13/cobra"
)

// inspected is what `token inspect` tells in JSON.
type inspected struct {
	From    string           `json:"from"`
	Origin  string           `json:"origin,omitempty"` // the CI system
	Header  string           `json:"header,omitempty"`
	Times   string           `json:"times,omitempty"`
	Claims  []doctor.Claim   `json:"claims,omitempty"`
	Trouble []doctor.Finding `json:"trouble,omitempty"` // what keeps AWS from taking it, of what the token alone shows
}

func newTokenInspect() *cobra.Command {
	var f tokenFlags
	var audience string
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect",
		Short: "Show what an ID token says, and which condition keys AWS makes of it",
		Long: `Show what an ID token says: where it is from, its claims, times in words, and which
condition keys a trust policy at AWS sees. Without --token-env and --token-file the
token is the one that "daypass exec" would find here.

It is sent nowhere and nothing is verified: "daypass doctor token" goes on from here.
Claims about people are masked unless --show-personal is given.

It ends with 0 if there is a token to show, whatever is wrong with it, and with 40 if
there is none.`,
		Example: `  daypass token inspect
  daypass token inspect --token-env GITLAB_OIDC_TOKEN --json`,
		Args: noToken,
		RunE: func(c *cobra.Command, _ []string) error {
			token, err := f.read(c)
			if err != nil {
				return err
			}
			if token == nil {
				if token, err = f.look(c, audience); err != nil {
					return failed(c, err)
				}
			}
			report := doctor.Token(*token)
			if len(report.Claims) == 0 {
				return failed(c, &client.Error{Kind: client.NoToken, Message: token.From + " is no ID token: " + firstTrouble(report)})
			}
			shown := inspect(token.From, report)
			if asJSON {
				return printJSON(c.OutOrStdout(), shown)
			}
			return shown.print(c)
		},
	}
	f.add(c)
	c.Flags().StringVar(&audience, "audience", "", "the ID token's `AUD`, where one is looked for")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return c
}

// look finds the token that the client would use.
func (f *tokenFlags) look(c *cobra.Command, audience string) (*doctor.TokenConfig, error) {
	s, err := client.STSFrom(environment(), "", "", "")
	if err != nil {
		return nil, usageError{err}
	}
	find := &client.Find{Env: environment(), Audience: audience, HTTP: s.HTTP, Run: runProgram}
	source, err := find.TokenSource()
	if err != nil {
		return nil, err
	}
	token, err := source.Token(c.Context())
	if err != nil {
		return nil, err
	}
	return &doctor.TokenConfig{Raw: token.Raw(), From: token.From, Now: time.Now(), ShowPersonal: f.showPersonal}, nil
}

func inspect(from string, r *doctor.Report) *inspected {
	shown := &inspected{From: from, Claims: r.Claims}
	for _, finding := range r.Findings {
		switch {
		case finding.Level == doctor.Error || finding.Level == doctor.Warning:
			shown.Trouble = append(shown.Trouble, finding)
		case finding.Level != doctor.OK:
		case finding.Check == "T02":
			shown.Header = finding.Seen
		case finding.Check == "T06":
			shown.Times = finding.Seen
		case finding.Check == "T09":
			shown.Origin = finding.Seen
		}
	}
	return shown
}

func firstTrouble(r *doctor.Report) string {
	for _, finding := range r.Findings {
		if finding.Level == doctor.Error {
			return finding.What
		}
	}
	return "its claims cannot be read"
}

func (s *inspected) print(c *cobra.Command) error {
	out := c.OutOrStdout()
	var failed error
	say := func(format string, args ...any) {
		_, err := fmt.Fprintf(out, format+"\n", args...)
		failed = errors.Join(failed, err)
	}
	for _, row := range [][2]string{{"from", s.From}, {"origin", s.Origin}, {"header", s.Header}, {"times", s.Times}} {
		for i, line := range strings.Split(row[1], "\n") {
			if line == "" {
				continue
			}
			if i > 0 {
				row[0] = ""
			}
			say("%-7s %s", row[0], line)
		}
	}
	say("")
	rows := make([][]string, len(s.Claims))
	for i, claim := range s.Claims {
		if claim.Masked {
			claim.Value += " (masked)"
		}
		rows[i] = []string{claim.Name, claim.Value, claim.Key}
	}
	failed = errors.Join(failed, printTable(out, []string{"CLAIM", "VALUE", "CONDITION KEY AT AWS"}, rows))
	if len(s.Trouble) > 0 {
		say("")
	}
	for _, finding := range s.Trouble {
		say("%s: %s: %s", finding.Level, finding.What, finding.Seen)
	}
	say("\nNothing of this is verified. Next: daypass doctor token, or daypass explain with a trust policy.")
	return failed
}
