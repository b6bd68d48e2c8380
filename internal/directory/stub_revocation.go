package directory

import (
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

func (s *Snapshot) Revoked(g *session.Grant, id string) (store.Revocation, bool) {
	return store.Revocation{}, false
}

func (s *Snapshot) TokenRevoked(account, provider, id string) (store.Revocation, bool) {
	return store.Revocation{}, false
}
