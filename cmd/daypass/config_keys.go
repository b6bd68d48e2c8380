package main

import (
	"os"
	"time"

	"github.com/daypass/daypass/internal/server"
)

// keysConfiguration is how old keys become before they are rotated, such as `720h`,
// an hour at least. No session ends by a rotation.
type keysConfiguration struct {
	// Session is for the keys that seal sessions; `0s` is by command only. By
	// default it is `168h`.
	Session *duration `yaml:"session"`
	// Issuer is for the keys by which accounts sign as issuers (outbound
	// federation). By default they are rotated by command only, since AWS's never
	// change.
	Issuer *duration `yaml:"issuer"`
	// Master is for the master key. By default it is rotated by command only, since
	// copies of its file must be kept. It needs a file that the server can write.
	Master *duration `yaml:"master"`
}

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
