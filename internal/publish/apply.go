package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/doctor"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/publish/ledger"
)

// Result is what was done.
type Result struct {
	*ledger.Plan
	// Changed says that something was written, by this publisher or by one that
	// was stopped and whose work this one finished.
	Changed  bool     `json:"changed"`
	Head     string   `json:"ledgerHead"` // the hash of the ledger's last entry
	Warnings []string `json:"warnings,omitempty"`
	Checks   []string `json:"checks,omitempty"` // what was seen when all was public
	// Doctor is the examination of the issuer afterwards; nil where nothing changed.
	Doctor *doctor.Report `json:"doctor,omitempty"`
	// Failed says that the documents are public and something with them is wrong.
	Failed bool `json:"failed"`
}

// attempts is how often a publisher begins again when another was first.
const attempts = 8

// apply finishes what another began, puts back what was changed by hand, and
// then makes and publishes a plan.
func (p *Publisher) apply(ctx context.Context, plan func(*current) (*ledger.Plan, error)) (*Result, error) {
	if err := ledger.CheckIssuer(p.Issuer); err != nil {
		return nil, err
	}
	warnings, err := p.Target.Check(ctx)
	if err != nil {
		return nil, err
	}
	r := &Result{Warnings: warnings}
	for range attempts {
		err = p.once(ctx, r, plan)
		if !errors.Is(err, ErrChanged) {
			break
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (p *Publisher) once(ctx context.Context, r *Result, plan func(*current) (*ledger.Plan, error)) error {
	c, err := p.read(ctx)
	if err != nil {
		return err
	}
	if c.ledger.Pending() {
		if c, err = p.finish(ctx, c, r); err != nil {
			return err
		}
	}
	if !c.agrees() {
		r.Warnings = append(r.Warnings, p.Target.String()+" had not what the ledger says: somebody else wrote there. It was put back; find out who it was")
		if c, err = p.begin(ctx, c, c.ledger.State(), "put back: the target was changed by another"); err != nil {
			return err
		}
		if c, err = p.finish(ctx, c, r); err != nil {
			return err
		}
	}
	if r.Plan, err = plan(c); err != nil {
		return err
	}
	if r.Next != nil {
		if c, err = p.begin(ctx, c, r.Next, r.Change); err != nil {
			return err
		}
		if c, err = p.finish(ctx, c, r); err != nil {
			return err
		}
	}
	r.Head = c.ledger.Head()
	return p.keepLocal(c.ledger)
}

// at tells a test where the publisher is.
func (p *Publisher) at(step string) {
	if p.step != nil {
		p.step(step)
	}
}

// begin writes the intent.
func (p *Publisher) begin(ctx context.Context, c *current, state *ledger.State, change string) (*current, error) {
	p.at("before the intent")
	next, err := p.write(ctx, c, ledger.Entry{Kind: ledger.Intent, State: state, Change: change})
	p.at("after the intent")
	return next, err
}

func (p *Publisher) write(ctx context.Context, c *current, e ledger.Entry) (*current, error) {
	e.Time, e.By = p.Now(), p.By
	l, err := c.ledger.Append(e)
	if err != nil {
		return nil, err
	}
	object, err := p.Target.Put(ctx, LedgerKey, l.Bytes(), c.object)
	if err != nil {
		return nil, err
	}
	return &current{ledger: l, object: object, keys: c.keys, discovery: c.discovery}, p.keepLocal(l)
}

// finish makes the state of the newest intent public: the keys first, and the
// configuration only when the public has them. It examines what is public, and
// writes that it is done.
func (p *Publisher) finish(ctx context.Context, c *current, r *Result) (*current, error) {
	state := c.ledger.State()
	keys, discovery := state.Documents()
	var err error
	if c.keys, err = p.put(ctx, KeysKey, keys, c.keys); err != nil {
		return nil, err
	}
	p.at("after the keys")
	if err := p.readBack(ctx, p.JWKSURI(), keys); err != nil {
		return nil, err
	}
	p.at("after the keys were read")
	if c.discovery, err = p.put(ctx, ConfigurationKey, discovery, c.discovery); err != nil {
		return nil, err
	}
	p.at("after the configuration")
	if err := p.readBack(ctx, p.Issuer+discoveryPath, discovery); err != nil {
		return nil, err
	}
	p.at("after the configuration was read")
	p.examine(ctx, state, r)
	p.at("before the end")
	done, err := p.write(ctx, c, ledger.Entry{Kind: ledger.Done, ETag: c.keys.ETag, Version: c.keys.Version, Checks: r.Checks})
	p.at("after the end")
	r.Changed = true
	// ErrChanged is that another finished the same, or is ahead. What is public is
	// then held against the ledger once more.
	return done, err
}

// put writes a document where it is not there already.
func (p *Publisher) put(ctx context.Context, key string, body []byte, was *Object) (*Object, error) {
	if has(was, body) {
		return was, nil
	}
	object, err := p.Target.Put(ctx, key, body, was)
	if !errors.Is(err, ErrChanged) {
		return object, err
	}
	is, err := p.Target.Get(ctx, key)
	if err == nil && !has(is, body) {
		err = ErrChanged
	}
	return is, err
}

// readBack waits until the public URL has what was written.
func (p *Publisher) readBack(ctx context.Context, url string, want []byte) error {
	until := p.Now().Add(p.Wait)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		body, err := p.Public.get(ctx, url)
		switch {
		case err == nil && bytes.Equal(body, want):
			return nil
		case err == nil:
			err = errors.New("it has other bytes; does a cache stand between, or is it not this target?")
		}
		if !p.Now().Before(until) {
			return fmt.Errorf("publish: %s does not show what was written, within %v: %w. What comes after it was not written; the next run goes on from here", url, p.Wait, err)
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
		is, err := p.Target.Get(ctx, strings.TrimPrefix(url, p.Issuer+"/"))
		if err != nil {
			return err
		}
		if !has(is, want) {
			return ErrChanged // another is ahead: it is no use to wait
		}
	}
}

// examine looks at what is public as those who trust the issuer do.
func (p *Publisher) examine(ctx context.Context, state *ledger.State, r *Result) {
	r.Checks = nil
	r.Doctor = doctor.Issuer(ctx, doctor.IssuerConfig{
		URL: p.Issuer, For: p.For, Now: p.Now, Private: p.Private, Resolve: p.Public.Resolve, Parallel: -1,
	})
	if r.Doctor.Passed {
		r.Checks = append(r.Checks, "doctor: nothing stands in the way")
	} else {
		r.Failed = true
		var codes []string
		for i := range r.Doctor.Findings {
			if f := &r.Doctor.Findings[i]; f.Level == doctor.Error {
				codes = append(codes, f.Code)
			}
		}
		r.Checks = append(r.Checks, "doctor: FAILED: "+strings.Join(codes, ", "))
	}
	if p.ProofToken != "" {
		r.check("proof token, through the public URL", p.prove(ctx))
	}
	if p.Canary != nil && len(state.Keys) > 0 {
		r.check("canary AssumeRoleWithWebIdentity", p.Canary.try(ctx))
	}
}

func (r *Result) check(name string, err error) {
	if err != nil {
		r.Failed = true
		r.Checks = append(r.Checks, fmt.Sprintf("%s: FAILED: %v", name, err))
		return
	}
	r.Checks = append(r.Checks, name+": passed")
}

// prove verifies the proof token with the keys as the public has them.
func (p *Publisher) prove(ctx context.Context) error {
	body, err := p.Public.get(ctx, p.JWKSURI())
	if err != nil {
		return err
	}
	keys, err := oidc.ParseKeySet(body)
	if err != nil {
		return err
	}
	token, err := oidc.Parse(p.ProofToken)
	if err != nil {
		return err
	}
	_, audience, _ := token.UnverifiedNames()
	_, err = token.Verify(keys, audience, p.Now())
	return err
}
