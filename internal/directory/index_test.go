package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	teamID = "AGPAAAAAAAAAAAAAAAAA2"
	crewID = "AGPAAAAAAAAAAAAAAAAA3"
)

func user(name, id string, groups ...string) store.User {
	return store.User{Account: account, Name: name, Path: "/", ID: id, Groups: groups}
}

func group(name, id string) store.Group {
	return store.Group{Account: account, Name: name, Path: "/", ID: id}
}

// putting writes users and groups.
func putting(records ...any) func(store.Tx) error {
	return func(tx store.Tx) error {
		var all error
		for _, record := range records {
			switch r := record.(type) {
			case store.User:
				all = errors.Join(all, store.PutRecord(tx, store.UserID(r.Account, r.Name), r))
			case store.Group:
				all = errors.Join(all, store.PutRecord(tx, store.GroupID(r.Account, r.Name), r))
			default:
				return fmt.Errorf("a %T", record)
			}
		}
		return all
	}
}

func membersOf(t *testing.T, s *directory.Snapshot, groupID, after string) []string {
	t.Helper()
	g, ok := s.GroupByID(groupID)
	if !ok {
		t.Fatalf("no group %s", groupID)
	}
	var names []string
	for u := range s.MembersAfter(g, after) {
		names = append(names, u.Name)
	}
	return names
}

func TestMembers(t *testing.T) {
	t.Parallel()
	d, files := newDirectory(t)
	const other = "210987654321"
	foreign := user("anna", "AIDAAAAAAAAAAAAAAAAA9", teamID)
	foreign.Account = other
	update(t, d, putting(group("Team", teamID), group("Crew", crewID), foreign,
		user("bob", "AIDAAAAAAAAAAAAAAAAA2", teamID), user("Ann", "AIDAAAAAAAAAAAAAAAAA3", crewID, teamID),
		user("cleo", "AIDAAAAAAAAAAAAAAAAA4", teamID), user("dora", "AIDAAAAAAAAAAAAAAAAA5")))
	before := d.Snapshot()
	for after, want := range map[string][]string{"": {"Ann", "bob", "cleo"}, "ann": {"bob", "cleo"}, "B": {"bob", "cleo"}, "BOB": {"cleo"}, "cleo": nil} {
		if diff := cmp.Diff(want, membersOf(t, before, teamID, after)); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", after, diff)
		}
	}
	update(t, d, func(tx store.Tx) error {
		return errors.Join(putting(user("bob", "AIDAAAAAAAAAAAAAAAAA2"), user("dora", "AIDAAAAAAAAAAAAAAAAA5", crewID))(tx), tx.Delete(store.UserID(account, "cleo")))
	})
	for id, want := range map[string][]string{teamID: {"Ann"}, crewID: {"Ann", "dora"}} {
		if diff := cmp.Diff(want, membersOf(t, d.Snapshot(), id, "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	if diff := cmp.Diff([]string{"Ann", "bob", "cleo"}, membersOf(t, before, teamID, "")); diff != "" {
		t.Errorf("a snapshot that was taken before has changed (-want +got):\n%s", diff)
	}
	// Who opens the store anew finds the same.
	if diff := cmp.Diff([]string{"Ann", "dora"}, membersOf(t, files.directory(t, files.open(t)).Snapshot(), crewID, "")); diff != "" {
		t.Errorf("opened anew (-want +got):\n%s", diff)
	}
	if n := d.Snapshot().Count(account, store.KindUser); n != 3 {
		t.Errorf("%d users are counted, want 3", n)
	}
}

// TestRenamed renames a user and a group, in names that sort before and after the
// old ones: a follower sees the record that is gone and the new one in order of
// their keys.
func TestRenamed(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"a", "z", "M"} {
		d, files := newDirectory(t)
		follower := files.directory(t, files.open(t))
		const userID = "AIDAAAAAAAAAAAAAAAAA2"
		update(t, d, putting(group("m", teamID), user("m", userID, teamID)))
		refresh(t, follower)
		update(t, d, func(tx store.Tx) error {
			if err := putting(group(to, teamID), user(to, userID, teamID))(tx); err != nil || to == "M" {
				return err
			}
			return errors.Join(tx.Delete(store.UserID(account, "m")), tx.Delete(store.GroupID(account, "m")))
		})
		refresh(t, follower)
		for who, s := range map[string]*directory.Snapshot{"writer": d.Snapshot(), "follower": follower.Snapshot(), "new": files.directory(t, files.open(t)).Snapshot()} {
			u, ok := s.UserByID(userID)
			if !ok || u.Name != to {
				t.Errorf("%s, to %s: the user of the id is %+v", who, to, u)
			}
			if g, ok := s.GroupByID(teamID); !ok || g.Name != to {
				t.Errorf("%s, to %s: the group of the id is %+v", who, to, g)
			}
			if diff := cmp.Diff([]string{to}, membersOf(t, s, teamID, "")); diff != "" {
				t.Errorf("%s, to %s: members (-want +got):\n%s", who, to, diff)
			}
			if got, _ := s.Entity(userID); got != "arn:aws:iam::123456789012:user/"+to {
				t.Errorf("%s, to %s: the ARN of the id is %s", who, to, got)
			}
			if n := s.Count(account, store.KindUser) + s.Count(account, store.KindGroup); n != 2 {
				t.Errorf("%s, to %s: %d users and groups are counted", who, to, n)
			}
		}
	}
}

func TestByUniqueID(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	update(t, d, putting(group("team", teamID), user("ann", "AIDAAAAAAAAAAAAAAAAA2")))
	update(t, d, putRole(role("deploy")))
	s := d.Snapshot()
	for _, id := range []string{"AIDAAAAAAAAAAAAAAAAA2", "AROAAAAAAAAAAAAAAAAAA", crewID, ""} {
		if g, ok := s.GroupByID(id); ok {
			t.Errorf("the group %s is of id %q", g.Name, id)
		}
	}
	if u, ok := s.UserByID(teamID); ok {
		t.Errorf("the user %s is of a group's id", u.Name)
	}
	for id, want := range map[string]string{teamID: "group/team", "AIDAAAAAAAAAAAAAAAAA2": "user/ann", "AROAAAAAAAAAAAAAAAAAA": "role/team/deploy"} {
		if got, ok := s.Entity(id); !ok || got != "arn:aws:iam::123456789012:"+want {
			t.Errorf("%s is %s, %t", id, got, ok)
		}
	}
	// Made again under its name, it is another.
	update(t, d, putting(group("team", crewID)))
	if _, ok := d.Snapshot().GroupByID(teamID); ok {
		t.Error("the group that was replaced is found by its id")
	}
	if g, ok := d.Snapshot().GroupByID(crewID); !ok || g.Name != "team" {
		t.Error("the group that replaced it is not")
	}
	update(t, d, func(tx store.Tx) error { return tx.Delete(store.GroupID(account, "team")) })
	if _, ok := d.Snapshot().Entity(crewID); ok {
		t.Error("a group that was deleted is found by its id")
	}
}

// TestIndexAgreesWithRecords draws writes, and compares what the index finds with
// what a look at all users does.
func TestIndexAgreesWithRecords(t *testing.T) {
	t.Parallel()
	d, files := newDirectory(t)
	follower := files.directory(t, files.open(t))
	groups := []string{teamID, crewID}
	policies := []string{"arn:aws:iam::123456789012:policy/p", "arn:aws:iam::123456789012:policy/P2"}
	update(t, d, putting(group("team", teamID), group("crew", crewID)))
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"a", "B", "ab", "b.c"})
		err := d.Update(t.Context(), func(tx store.Tx) error {
			for range rapid.IntRange(1, 3).Draw(t, "writes") {
				name := names.Draw(t, "name")
				if rapid.Bool().Draw(t, "delete") {
					if err := tx.Delete(store.UserID(account, name)); err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					continue
				}
				u := user(name, "AIDA-"+name, rapid.SliceOfDistinct(rapid.SampledFrom(groups), rapid.ID[string]).Draw(t, "groups")...)
				u.AttachedPolicies = rapid.SliceOfDistinct(rapid.SampledFrom(policies), rapid.ID[string]).Draw(t, "attached")
				if err := store.PutRecord(tx, store.UserID(account, name), u); err != nil {
					return err
				}
			}
			return nil
		})
		if err := errors.Join(err, follower.Refresh(t.Context())); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*directory.Snapshot{d.Snapshot(), follower.Snapshot()} {
			for _, id := range groups {
				g, _ := s.GroupByID(id)
				var want, got []string
				for u := range s.UsersAfter(account, "") {
					if slices.Contains(u.Groups, id) {
						want = append(want, u.Name)
					}
				}
				for u := range s.MembersAfter(g, "") {
					got = append(got, u.Name)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("members of %s (-want +got):\n%s", id, diff)
				}
			}
			for _, policyARN := range policies {
				var want, got []string
				for u := range s.UsersAfter(account, "") {
					if slices.Contains(u.AttachedPolicies, policyARN) {
						want = append(want, strings.ToLower(u.Name))
					}
				}
				for id := range s.AttachedTo(account, policyARN, "") {
					got = append(got, id.Key)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("who has %s (-want +got):\n%s", policyARN, diff)
				}
			}
		}
	})
}
