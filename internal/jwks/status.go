package jwks

import (
	"cmp"
	"slices"
	"time"
)

// IssuerStatus is what a Cache knows of one issuer, for who watches the server. An
// issuer of which no token has come yet is not known.
type IssuerStatus struct {
	Issuer   string    // URL, with https://
	File     bool      // its keys are read from a file, and nobody is asked
	Keys     int       // that can be used, of the last good fetch
	Fetched  time.Time // when that fetch ended; zero without one, and for a file
	Expires  time.Time // until when its keys are used without asking again
	Asked    time.Time // when the last fetch began
	Failure  error     // of the last fetch that ended; nil if it was good. Reason has it in plain words
	Fetches  uint64    // that ended, since the start
	Failures uint64    // of them
}

// Issuers are the issuers that were asked, or whose file was read, in the order of
// their URLs. What is held of one issuer under several thumbprints is one here:
// the counts are added up, the rest is of the one that was asked last.
func (c *Cache) Issuers() []IssuerStatus {
	byIssuer := map[string]IssuerStatus{}
	c.entries.Range(func(key, value any) bool {
		s := value.(*entry).status(key.(cacheKey).issuer)
		if other, ok := byIssuer[s.Issuer]; ok {
			fetches, failures := s.Fetches+other.Fetches, s.Failures+other.Failures
			if other.Asked.After(s.Asked) {
				s = other
			}
			s.Fetches, s.Failures = fetches, failures
		}
		byIssuer[s.Issuer] = s
		return true
	})
	for issuer, file := range c.files {
		if set := file.set.Load(); set != nil {
			byIssuer[issuer] = IssuerStatus{Issuer: issuer, File: true, Keys: set.Len()}
		}
	}
	all := make([]IssuerStatus, 0, len(byIssuer))
	for _, s := range byIssuer {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b IssuerStatus) int { return cmp.Compare(a.Issuer, b.Issuer) })
	return all
}

func (e *entry) status(issuer string) IssuerStatus {
	s := IssuerStatus{Issuer: issuer}
	if set := e.set.Load(); set != nil {
		s.Keys, s.Fetched, s.Expires = set.keys.Len(), set.fetched, set.expires
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.Asked, s.Failure, s.Fetches, s.Failures = e.asked, e.failure, e.fetches, e.failures
	return s
}
