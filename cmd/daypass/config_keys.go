package main

import (
	"os"
	"time"

	"github.com/daypass/daypass/internal/server"
)

// keys is what c says of keys, as the server takes it.
func (c *configuration) keys() (server.Keys, error) {
	var k server.Keys
	for _, of := range []struct {
		given *duration
		to    *time.Duration
	}{{c.Keys.Session, &k.Session}, {c.Keys.Issuer, &k.Issuer}, {c.Keys.Master, &k.MasterKey}} {
		if of.given == nil {
			continue
		}
		if *of.to = time.Duration(*of.given); *of.to == 0 {
			*of.to = -1 // which is how the server says never
		}
	}
	err := k.SetMaster(c.MasterKey, c.MasterKeyKMS, os.Getenv)
	return k, err
}
