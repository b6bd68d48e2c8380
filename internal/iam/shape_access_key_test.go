package iam_test

import (
	"errors"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
)

// shapedKey is a key of user gus that was used; putKeys puts it.
const shapedKey = "AKIAIOSFODNN7EXAMPLE"

// putKeys puts a user past the API, with keys of known ids. They sign nothing.
func (f *fixture) putKeys(t *testing.T, user string, keys ...store.AccessKey) {
	t.Helper()
	record := store.User{Account: account, Name: user, Path: "/", ID: "AIDAAAAAAAAAAAAAAAAA2"}
	err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		for _, key := range keys {
			sealed, err := f.MasterKey().Seal([]byte("secret"), []byte(key.ID))
			if err != nil {
				return err
			}
			key.Account, key.UserName, key.SealedSecret = account, user, sealed
			record.AccessKeys = append(record.AccessKeys, key.ID)
			err = errors.Join(store.PutRecord(tx, store.AccessKeyID(account, key.ID), key), store.PutRecord(tx, store.LastUseID(account, key.ID), store.LastUse{
				Account: account, ID: key.ID, At: time.Now(), Region: "eu-central-1", Service: "sts",
			}))
			if err != nil {
				return err
			}
		}
		return store.PutRecord(tx, store.UserID(account, user), record)
	})
	if err != nil {
		t.Fatal(err)
	}
}

var accessKeyShapes = shapes{
	requests: [][]string{
		{"CreateAccessKey", "UserName", "ann"}, // who has one already
		{"ListAccessKeys", "UserName", "ann", "MaxItems", "1"},
		{"UpdateAccessKey", "UserName", "gus", "AccessKeyId", shapedKey, "Status", "Inactive"},
		{"GetAccessKeyLastUsed", "AccessKeyId", shapedKey},
	},
	deletions: [][]string{{"DeleteAccessKey", "UserName", "gus", "AccessKeyId", shapedKey}},
}
