package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/rotation"
	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

func newKeys() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "See and rotate the session keys, issuers' keys and the master key",
		Long: `See and rotate the keys of a data directory, beside a server that runs on it or
while none does: those that seal sessions, those by which accounts sign as issuers
(outbound federation), and the master key under which secrets lie. No session ends
and no request fails by a rotation; docs/keys.md says how.

Where the master key is not the file master.key in the data directory, the
variables DAYPASS_MASTER_KEY and DAYPASS_MASTER_KEY_KMS say where it is, as for
"daypass serve".`,
	}
	group(c)
	rotate := &cobra.Command{Use: "rotate", Short: "Rotate keys now"}
	group(rotate)
	rotate.AddCommand(newKeysRotateSession(), newKeysRotateIssuer(), newKeysRotateMaster())
	c.AddCommand(newKeysStatus(), rotate, newKeysNewMaster())
	return c
}

func addData(c *cobra.Command, data *string) *cobra.Command {
	c.Flags().StringVar(data, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
	return c
}

func newKeysStatus() *cobra.Command {
	var data string
	var asJSON bool
	c := addData(&cobra.Command{
		Use:   "status",
		Short: "List all keys, their ages, and what is overdue",
		Long: `List the keys of each ring: which is in use, which is next, until when earlier
ones are kept, and how many values lie under which master key. It tells of ids
and times only. It ends with 1 where something is overdue.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := dataDir(data)
			if err != nil {
				return err
			}
			now := time.Now()
			status, err := server.KeysStatus(c.Context(), dir, now)
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(status)
			} else {
				err = printKeys(c.OutOrStdout(), status, now)
			}
			if err == nil && len(status.Overdue) > 0 {
				return &exitError{exitFailure}
			}
			return err
		},
	}, &data)
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return c
}

func printKeys(w io.Writer, s *rotation.Status, now time.Time) error {
	var rows [][]string
	add := func(ring string, r rotation.Ring) {
		for i := range r.Keys {
			rows = append(rows, keyRow(ring, &r.Keys[i], now))
		}
	}
	add("session", s.Session)
	for i := range s.Issuers {
		add("issuer "+s.Issuers[i].Account, s.Issuers[i].Ring)
	}
	add("master", s.Master.Ring)
	if err := printTable(w, []string{"RING", "KEY", "STATE", "SINCE", "AGE", "UNTIL", "SEALED"}, rows); err != nil {
		return err
	}
	every := func(ring string, r rotation.Ring) string {
		if r.Every == "" {
			return ring + ": by command"
		}
		return ring + ": every " + r.Every
	}
	lines := []string{"", "master key from " + s.Master.Source}
	if s.Master.KMS != "" {
		lines[1] += ", encrypted by " + s.Master.KMS
	}
	schedule := []string{every("session", s.Session), every("master", s.Master.Ring)}
	if len(s.Issuers) > 0 {
		schedule = append(schedule, every("issuer", s.Issuers[0].Ring))
	}
	if len(s.Master.Nodes) == 0 {
		lines = append(lines, "no server runs")
	} else {
		lines = append(lines, "rotation by the servers: "+strings.Join(schedule, ", "))
	}
	if s.Master.Phase != rotation.Idle {
		lines = append(lines, "rotation of the master key: "+string(s.Master.Phase))
	}
	if len(s.Master.Waiting) > 0 {
		lines = append(lines, "  it waits for "+strings.Join(s.Master.Waiting, ", "))
	}
	for _, text := range s.Overdue {
		lines = append(lines, "OVERDUE: "+text)
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func keyRow(ring string, k *rotation.Key, now time.Time) []string {
	row := []string{ring, k.ID, k.State, "", "", "", ""}
	if k.Since != nil {
		row[3], row[4] = k.Since.Format(time.RFC3339), age(now.Sub(*k.Since))
	}
	if k.Until != nil {
		row[5] = k.Until.Format(time.RFC3339)
	}
	if k.Sealed != nil {
		row[6] = strconv.Itoa(*k.Sealed)
	}
	if k.Held != nil && !*k.Held {
		row[2] += " (not held here)"
	}
	return row
}

// age is a time as people say it.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(max(0, int(d/time.Second))) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	default:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
}

func newKeysRotateSession() *cobra.Command {
	var data string
	return addData(&cobra.Command{
		Use:   "session",
		Short: "Have the next key seal sessions",
		Long: `Have the next key seal sessions, and make another next. Sessions go on; the
earlier key is dropped once the last that it sealed is over, after 37 hours. To end
sessions, revoke them: "daypass sessions revoke".`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := dataDir(data)
			if err != nil {
				return err
			}
			if err := server.RotateSessionKeys(c.Context(), dir, time.Now()); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), "the next key seals sessions; servers follow within a second")
			return err
		},
	}, &data)
}

func newKeysRotateIssuer() *cobra.Command {
	var data string
	r := server.IssuerRotation{Random: rand.Reader}
	c := addData(&cobra.Command{
		Use:   "issuer",
		Short: "Publish the next keys of an account's issuer, which sign once everybody can know them",
		Long: `Publish the next keys by which an account signs as an issuer (outbound
federation). They sign 70 minutes later, when nobody can have a key set without
them any more, and the earlier ones stay published for 70 minutes from then on, for
the tokens that they signed. A server takes these steps when they are due; without
one, call the command again.

After a key may have been seen: --sign-now has the next keys sign at once, and
--drop-now withdraws those that were replaced, so that no token of theirs is
verified any more.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := dataDir(data)
			if err != nil {
				return err
			}
			r.Now = time.Now()
			account, change, err := server.RotateIssuerKeys(c.Context(), dir, r)
			if err != nil {
				return err
			}
			w := c.OutOrStdout()
			lines := []string{}
			for _, did := range []struct {
				what string
				kids []string
			}{{"published, and sign later", change.Announced}, {"sign now", change.Signs}, {"withdrawn", change.Dropped}} {
				if len(did.kids) > 0 {
					lines = append(lines, did.what+": "+strings.Join(did.kids, ", "))
				}
			}
			if len(change.Announced) > 0 && len(change.Signs) > 0 {
				lines = lines[1:]
			}
			if len(lines) == 0 {
				lines = []string{"the next keys are published already, and it is not yet time for another step"}
			}
			_, err = fmt.Fprintf(w, "account %s\n%s\n", account, strings.Join(lines, "\n"))
			return err
		},
	}, &data)
	f := c.Flags()
	f.StringVar(&r.Account, "account", "", "the account, 12 `DIGITS` (default: the only one that is an issuer)")
	f.BoolVar(&r.SignNow, "sign-now", false, "have the next keys sign at once; verifiers that keep the key set may refuse their tokens for an hour")
	f.BoolVar(&r.DropNow, "drop-now", false, "withdraw replaced keys at once: their tokens are refused from then on")
	return c
}

func newKeysRotateMaster() *cobra.Command {
	var data string
	r := server.MasterRotation{Now: time.Now}
	c := addData(&cobra.Command{
		Use:   "master",
		Short: "Rotate the master key, and seal anew what lies under the old one",
		Long: `Put a new key into the master key's set, have it seal once every server that runs
has it, and seal anew what lies under the old key, a hundred records at a time. The
old key is dropped once nothing lies under it, nine hours later at the earliest:
the console's cookies lie under it too, for eight. All may be ended at any time: the server goes on with it, or the command, called again.

Servers that read a copy of the key's file wait for the new one: copy the file to
each of them. Where the key set is a variable or a credential, put what "daypass
keys new-master --extend" prints in its place on every server, start them anew, one
after the other, then call this.

Copies of the database that were made before open by the old key only: keep the
key file of their time with them.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := dataDir(data)
			if err != nil {
				return err
			}
			if r.Keep < 0 || r.Wait < 0 {
				return usageError{errors.New("--keep and --wait are times, such as 1h")}
			}
			r.Tell = func(text string) { _, _ = fmt.Fprintln(c.OutOrStdout(), text) } // who went away is told nothing
			p, err := server.RotateMasterKey(c.Context(), dir, &r)
			if err != nil {
				return err
			}
			return tellProgress(c, p)
		},
	}, &data)
	c.Flags().DurationVar(&r.Keep, "keep", rotation.Keep, "how long the old key stays after it was replaced, `TIME`; 5 minutes at least while a server runs")
	c.Flags().DurationVar(&r.Wait, "wait", time.Minute, "how long to wait for servers")
	return c
}

// tellProgress says what was done and what comes next. A rotation that waits is a
// failure: somebody has to do something.
func tellProgress(c *cobra.Command, p rotation.Progress) error {
	if p.Resealed > 0 {
		r := "records were"
		if p.Resealed == 1 {
			r = "record was"
		}
		if _, err := fmt.Fprintf(c.OutOrStdout(), "%d %s sealed anew\n", p.Resealed, r); err != nil {
			return err
		}
	}
	text := "done: nothing lies under the old key, and it is dropped"
	switch {
	case len(p.Waiting) > 0 && p.Phase == rotation.Announced:
		return fmt.Errorf("these do not have the next master key: %s; give it to them, and the rotation goes on by itself. \"daypass keys status\" says how far it is", strings.Join(p.Waiting, ", "))
	case len(p.Waiting) > 0:
		return fmt.Errorf("these do not seal by the new key yet: %s; the rotation goes on by itself. \"daypass keys status\" says how far it is", strings.Join(p.Waiting, ", "))
	case p.Phase == rotation.Keeping:
		text = "nothing lies under the old key; it stays until " + p.Until.UTC().Format(time.RFC3339) + ", and is dropped by a server, or by this command called again"
	case p.Phase == rotation.Resealing:
		text = "so much is being written that the rotation is not over; call the command again, or leave it to a server"
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), text)
	return err
}

func newKeysNewMaster() *cobra.Command {
	var data string
	var extend bool
	c := addData(&cobra.Command{
		Use:   "new-master",
		Short: "Print a master key's set, for a variable or a credential",
		Long: `Print a new master key's set, to be kept where daypass cannot write: in an
environment variable, or a credential of systemd's. With --extend it is the set of
a data directory with one key more; put it in the place of the old one on every
server, then call "daypass keys rotate master".

What it prints is a secret, unless DAYPASS_MASTER_KEY_KMS names a KMS, which
encrypts it. It is not printed on a terminal.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if isTerminal(c.OutOrStdout()) {
				return usageError{errors.New("a key is not printed on a terminal; write it to a file: umask 077; daypass keys new-master > FILE")}
			}
			var text []byte
			if extend {
				dir, err := dataDir(data)
				if err != nil {
					return err
				}
				var id string
				if text, id, err = server.NextMasterKey(c.Context(), dir); err != nil {
					return err
				}
				_, _ = fmt.Fprintln(c.ErrOrStderr(), "the set has the new key "+id+"; put it on every server, then: daypass keys rotate master")
			} else {
				var err error
				if text, err = server.NewMasterKey(os.Getenv); err != nil {
					return err
				}
			}
			_, err := c.OutOrStdout().Write(text)
			return err
		},
	}, &data)
	c.Flags().BoolVar(&extend, "extend", false, "print the set of the data directory with one key more")
	return c
}
