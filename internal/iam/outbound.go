package iam

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/outbound"
	"github.com/daypass/daypass/internal/store"

	"github.com/google/uuid"
)

// Sealer seals under the master key. masterkey.Key is one.
type Sealer interface {
	Seal(plain, associated []byte) ([]byte, error)
}

func (s *service) outboundOperations() []awsapi.Operation {
	return []awsapi.Operation{
		signed("EnableOutboundWebIdentityFederation", onNothing, withoutParameters(s.enableOutboundWebIdentityFederation)),
		signed("DisableOutboundWebIdentityFederation", onNothing, withoutParameters(s.disableOutboundWebIdentityFederation)),
		signed("GetOutboundWebIdentityFederationInfo", onNothing, withoutParameters(s.getOutboundWebIdentityFederationInfo)),
	}
}

// enableOutboundWebIdentityFederation makes the account an issuer or, where it
// was one before, makes it the same issuer again, with the same keys (recorded
// on AWS).
func (s *service) enableOutboundWebIdentityFederation(c *awsapi.Call) (awsapi.Result, error) {
	if s.PublicURL == "" {
		return nil, awsapi.Invalid("Outbound identity federation cannot be enabled: this server does not know the URL under which others reach it. Start it with --public-url.").
			Because("the issuer of the tokens is a URL below the server's; an address to listen on is none that others know")
	}
	record, err := s.newOutbound(c)
	if err != nil {
		return nil, err
	}
	id := store.OutboundID(c.Account)
	err = s.update(c, func(tx store.Tx) error {
		switch old, err := store.GetRecord[store.Outbound](tx, id); {
		case err == nil && old.Enabled:
			return featureEnabled(c.Account)
		case err == nil:
			record = &old
		case !errors.Is(err, store.ErrNotFound):
			return err
		case record == nil: // deleted by another program since the snapshot
			return concurrentModification("The outbound identity federation of this account")
		}
		record.Enabled = true
		return store.PutRecord(tx, id, record)
	})
	if err != nil {
		return nil, err
	}
	return outboundIssuer{url: outbound.IssuerURL(s.PublicURL, record.IssuerID)}, nil
}

// newOutbound makes an issuer with its keys, before the transaction, since an
// RSA key takes long; nil where the account has one.
func (s *service) newOutbound(c *awsapi.Call) (*store.Outbound, error) {
	if o, ok := c.Snapshot.Outbound(c.Account); ok {
		if o.Enabled {
			return nil, featureEnabled(c.Account)
		}
		return nil, nil
	}
	issuerID, err := uuid.NewRandomFromReader(s.Random)
	if err != nil {
		return nil, fmt.Errorf("iam: make an issuer id: %w", err)
	}
	keys, err := outbound.NewKeys(s.Random)
	if err != nil {
		return nil, err
	}
	record := &store.Outbound{Account: c.Account, IssuerID: issuerID.String(), Created: now(c)}
	for _, k := range keys {
		key := store.SigningKey{ID: k.ID, Algorithm: k.Algorithm, Created: now(c)}
		if key.Sealed, err = s.MasterKey.Seal(k.PKCS8, record.Associated(&key)); err != nil {
			return nil, err
		}
		record.Keys = append(record.Keys, key)
	}
	return record, nil
}

// disableOutboundWebIdentityFederation ends the making of tokens. Those that
// were made stay good: their issuer goes on publishing its keys (API Reference;
// recorded on AWS).
func (s *service) disableOutboundWebIdentityFederation(c *awsapi.Call) (awsapi.Result, error) {
	id := store.OutboundID(c.Account)
	return nil, s.update(c, func(tx store.Tx) error {
		record, err := store.GetRecord[store.Outbound](tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && !record.Enabled {
			return featureDisabled("Outbound identity federation is already disabled for account %s", c.Account)
		}
		if err != nil {
			return err
		}
		record.Enabled = false
		return store.PutRecord(tx, id, record)
	})
}

func (s *service) getOutboundWebIdentityFederationInfo(c *awsapi.Call) (awsapi.Result, error) {
	var o *directory.Outbound
	if found, ok := c.Snapshot.Outbound(c.Account); ok && found.Enabled {
		o = found
	}
	if o == nil || s.PublicURL == "" {
		fault := featureDisabled("Outbound identity federation is disabled for account %s", c.Account)
		if o != nil {
			fault = fault.Because("it is enabled, but this server does not know the URL under which others reach it; start it with --public-url")
		}
		return nil, fault
	}
	return outboundIssuer{url: outbound.IssuerURL(s.PublicURL, o.IssuerID), info: true}, nil
}

// The sentences of both faults were recorded on AWS.

func featureEnabled(account string) *awsapi.Fault {
	return awsapi.Error(http.StatusConflict, "FeatureEnabled", "Outbound identity federation is already enabled for account "+account)
}

func featureDisabled(format, account string) *awsapi.Fault {
	return awsapi.Error(http.StatusNotFound, "FeatureDisabled", fmt.Sprintf(format, account))
}

// outboundIssuer is the reply of enabling, and with info that of asking.
type outboundIssuer struct {
	url  string
	info bool
}

// WriteXML implements awsapi.Result.
func (r outboundIssuer) WriteXML(x *awsapi.XML) {
	x.Text("IssuerIdentifier", r.url)
	if r.info {
		x.Bool("JwtVendingEnabled", true)
	}
}
