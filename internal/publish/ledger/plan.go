package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Which of the issuer's keys are chosen: see Request.Choose.
const (
	ChooseCI  = "ci"
	ChooseAll = "all"
	chooseKid = "kid="
)

// CheckChoice refuses a choice that is none.
func CheckChoice(choice string) error {
	if choice == ChooseCI || choice == ChooseAll || strings.HasPrefix(choice, chooseKid) && len(choice) > len(chooseKid) {
		return nil
	}
	return fmt.Errorf("ledger: %s is none of ci, all and kid=KID", shown(choice))
}

// Request is what a plan is made of.
type Request struct {
	Now     time.Time
	Issuer  string
	JWKSURI string
	State   *State // the newest of the ledger; nil before the first publication

	// Upstream are the issuer's keys. None means that they are not known, which
	// changes nothing: what an issuer does not say never takes a key away.
	Upstream []Key
	// Choose says which of them are published: ci, those that a token or a person
	// vouches for and those that are public already; all; or kid=KID[,KID].
	Choose string
	// Stage are keys to be published before the issuer has them.
	Stage []Key
	// Approve are thumbprints that a person compared, and By is the person.
	Approve []string
	By      string
	// Proven is the thumbprint of the key with which a live token of the issuer was
	// verified, and ProvenBy names the token; "" for none.
	Proven, ProvenBy string
	// Overlap is how long a key stays after the issuer was first seen without it.
	Overlap time.Duration
}

// Overlap is the least time for which a retired key stays: readers may hold the
// set of keys without its successor, and one with it may be wanted, for twice as
// long as they may cache it and at least a day; then the last token may still be
// in a job, and clocks differ (AWS tolerates five minutes, each way).
func Overlap(maxAge, longestJob time.Duration) time.Duration {
	return max(2*maxAge, 24*time.Hour) + longestJob + 10*time.Minute
}

// Line is one key in a plan, for the reader.
type Line struct {
	Sign       string `json:"sign"` // + comes, - goes, ~ changes, = stays, ? is not published
	Thumbprint string `json:"thumbprint"`
	Kid        string `json:"kid"`
	Text       string `json:"text"`
}

// Plan is what is to be done.
type Plan struct {
	// Next is the state to publish; nil where nothing changes.
	Next  *State `json:"-"`
	Lines []Line `json:"keys"`
	// Later says what waits for a run of its own.
	Later []string `json:"later,omitempty"`
	// Change is Next in a sentence.
	Change string `json:"change,omitempty"`
	// Unpublished are the issuer's keys that are not public and were not set
	// aside: with one of them tokens may be signed that nobody can verify.
	Unpublished []string `json:"unpublished,omitempty"`
}

// planner is a plan while it is made.
type planner struct {
	r       *Request
	next    *State
	plan    *Plan
	added   bool
	changes []string
}

// Make says what is to be published next. Its refusals are *Refusal.
func Make(r Request) (*Plan, error) {
	p := &planner{r: &r, plan: &Plan{}, next: &State{Issuer: r.Issuer, JWKSURI: r.JWKSURI}}
	if r.State != nil {
		if r.State.Issuer != r.Issuer || r.State.JWKSURI != r.JWKSURI {
			return nil, refuse("issuer-changed", "the ledger is of the issuer %s with keys at %s. Another issuer needs a target and a ledger of its own", r.State.Issuer, r.State.JWKSURI)
		}
		p.next = r.State.clone()
	}
	for _, k := range r.Stage {
		if err := p.stage(k); err != nil {
			return nil, err
		}
	}
	if len(r.Upstream) > 0 {
		if err := p.follow(); err != nil {
			return nil, err
		}
		p.expire() // a retired key that the issuer has again was made active before
	}
	return p.finish()
}

// vouch is who vouches for a key, if anybody does.
func (p *planner) vouch(thumbprint string) (how, by string) {
	switch {
	case slices.Contains(p.r.Approve, thumbprint):
		return Approved, p.r.By
	case p.r.State != nil && p.r.Proven == thumbprint && thumbprint != "":
		return Proven, p.r.ProvenBy
	}
	return "", ""
}

// add publishes a key that is not public yet.
func (p *planner) add(k Key, status string) error {
	thumbprint := k.Thumbprint()
	if slices.Contains(p.next.Revoked, thumbprint) {
		return refuse("revoked", "the key %s (kid %s) was revoked and is never published again. If the issuer signs with it, give the issuer another key first", thumbprint, shown(k.Kid))
	}
	if other, ok := p.next.Find(k.Kid); ok {
		return refuse("kid-repeated", "another key with the kid %s is public already (%s)", shown(k.Kid), other.Thumbprint)
	}
	how, by := p.vouch(thumbprint)
	switch {
	case how == "" && p.r.State == nil:
		return refuse("first-approval", "nothing was published yet, so a person has to approve the first key. Compare its thumbprint with one that you took on the GitLab server itself, then give --approve %s (kid %s)", thumbprint, shown(k.Kid))
	case how == "":
		return refuse("unproven", "nobody vouches for the key %s (kid %s). Give a live ID token that it signed (--proof-token-file), or compare its thumbprint on the GitLab server and give --approve %s", thumbprint, shown(k.Kid), thumbprint)
	}
	p.next.Keys = append(p.next.Keys, Published{Key: k, Thumbprint: thumbprint, Status: status, How: how, By: by, Since: p.r.Now.UTC().Truncate(time.Second)})
	p.added = true
	p.change("+", k, fmt.Sprintf("%s; %s by %s", status, how, by))
	return nil
}

func (p *planner) change(sign string, k Key, text string) {
	p.plan.Lines = append(p.plan.Lines, Line{sign, k.Thumbprint(), k.Kid, text})
	p.changes = append(p.changes, fmt.Sprintf("%s%s %s", sign, k.Thumbprint(), text))
}

func (p *planner) stage(k Key) error {
	if p.next.find(k.Thumbprint()) != nil {
		return nil // it is public
	}
	return p.add(k, Staged)
}

// chosen says whether an upstream key is to be published.
func (p *planner) chosen(k Key) bool {
	if kids, ok := strings.CutPrefix(p.r.Choose, chooseKid); ok {
		return slices.Contains(strings.Split(kids, ","), k.Kid)
	}
	if p.r.Choose == ChooseAll || p.next.find(k.Thumbprint()) != nil {
		return true
	}
	how, _ := p.vouch(k.Thumbprint())
	return how != ""
}

// follow brings the issuer's keys in, and starts the overlap of those that it
// has no more.
func (p *planner) follow() error {
	var unknown []Key
	present := map[string]bool{} // chosen, by thumbprint
	for _, k := range p.r.Upstream {
		thumbprint := k.Thumbprint()
		if !p.chosen(k) {
			unknown = append(unknown, k)
			continue
		}
		present[thumbprint] = true
		published := p.next.find(thumbprint)
		if published == nil {
			if err := p.add(k, Active); err != nil {
				return err
			}
			continue
		}
		if published.Key.Kid != k.Kid {
			return refuse("kid-changed", "the issuer has the key %s under the kid %s; it is public under %s. Tokens with the new kid cannot be verified", thumbprint, shown(k.Kid), shown(published.Key.Kid))
		}
		if published.Status != Active {
			published.Status, published.RetiredAt, published.Leaves = Active, time.Time{}, time.Time{}
			p.change("~", k, "the issuer has it now; active")
		}
	}
	if len(present) == 0 {
		return p.nothingKnown(unknown)
	}
	for i := range p.next.Keys {
		if k := &p.next.Keys[i]; k.Status == Active && !present[k.Thumbprint] {
			k.Status, k.RetiredAt = Retired, p.r.Now.UTC().Truncate(time.Second)
			k.Leaves = k.RetiredAt.Add(p.r.Overlap)
			p.change("~", k.Key, "the issuer has it no more; it stays until "+k.Leaves.Format(time.RFC3339))
		}
	}
	p.setAside(unknown)
	return nil
}

// nothingKnown is for an issuer of whose keys none is vouched for: after a
// rotation that nobody proved, or before the first publication. That none of its
// keys is public any more takes no key away.
func (p *planner) nothingKnown(unknown []Key) error {
	var list strings.Builder
	for _, k := range unknown {
		fmt.Fprintf(&list, "\n  %s  kid %s", k.Thumbprint(), shown(k.Kid))
		if k.Thumbprint() == p.r.Proven {
			list.WriteString("  (the proof token is signed with it)")
		}
	}
	if p.r.State == nil {
		return refuse("first-approval", "nothing was published yet, so a person has to approve the first key. The issuer has%s\nFind which of them signs ID tokens (the kid in a token's header), compare the thumbprint on the GitLab server itself, and give --approve THUMBPRINT", list.String())
	}
	return refuse("unproven", "the issuer has none of the keys that are public, and nobody vouches for those that it has:%s\nGive a live ID token (--proof-token-file), or compare the thumbprint on the GitLab server and give --approve THUMBPRINT. Until then what is public stays", list.String())
}

// setAside notes which keys were not chosen, at the next change.
func (p *planner) setAside(unknown []Key) {
	var now []string
	for _, k := range unknown {
		thumbprint := k.Thumbprint()
		now = append(now, thumbprint)
		p.plan.Lines = append(p.plan.Lines, Line{"?", thumbprint, k.Kid, "the issuer's, not published: nobody vouches for it"})
		if p.r.State != nil && !slices.Contains(p.r.State.Ignored, thumbprint) {
			p.plan.Unpublished = append(p.plan.Unpublished, thumbprint)
		}
	}
	slices.Sort(now)
	p.next.Ignored = now
}

// expire takes out the keys whose overlap is over, in a change of its own.
func (p *planner) expire() {
	due := func(k Published) bool { return k.Status == Retired && !p.r.Now.Before(k.Leaves) }
	if p.added {
		for _, k := range p.next.Keys {
			if due(k) {
				p.plan.Later = append(p.plan.Later, fmt.Sprintf("%s (kid %s) goes in the next run: keys never come and go at once", k.Thumbprint, shown(k.Key.Kid)))
			}
		}
		return
	}
	var stay []Published
	for _, k := range p.next.Keys {
		if due(k) {
			p.change("-", k.Key, "its overlap ended "+k.Leaves.Format(time.RFC3339))
		} else {
			stay = append(stay, k)
		}
	}
	p.next.Keys = stay
}

func (p *planner) finish() (*Plan, error) {
	if len(p.next.Keys) == 0 {
		return nil, refuse("empty", "the set of keys would be empty; no token could be verified")
	}
	for _, k := range p.next.Keys {
		if !slices.ContainsFunc(p.plan.Lines, func(l Line) bool { return l.Thumbprint == k.Thumbprint }) {
			text := k.Status
			if k.Status == Retired {
				text += " until " + k.Leaves.Format(time.RFC3339)
			}
			p.plan.Lines = append(p.plan.Lines, Line{"=", k.Thumbprint, k.Key.Kid, text})
		}
	}
	if len(p.changes) == 0 {
		return p.plan, nil
	}
	p.plan.Next, p.plan.Change = p.next, strings.Join(p.changes, "; ")
	return p.plan, checkChange(p.r.State, p.next, p.r.Now)
}

// Revoke is the plan that takes a key out now, by its kid or thumbprint, and
// never lets it in again. AllowEmpty lets the last key go.
func Revoke(state *State, name string, allowEmpty bool) (*Plan, error) {
	if state == nil {
		return nil, refuse("empty", "nothing was published yet")
	}
	k, ok := state.Find(name)
	if !ok {
		return nil, refuse("unknown-key", "no key %s is public, by kid or by thumbprint", shown(name))
	}
	next := state.clone()
	next.Keys = slices.DeleteFunc(next.Keys, func(o Published) bool { return o.Thumbprint == k.Thumbprint })
	next.Revoked = append(next.Revoked, k.Thumbprint)
	signs := slices.ContainsFunc(next.Keys, func(o Published) bool { return o.Status != Retired })
	if !allowEmpty && !signs {
		return nil, refuse("empty", "%s is the last key with which the issuer may sign: without it every job is refused. Stage its successor first (daypass publish stage-key), or accept that with --accept-no-key", k.Thumbprint)
	}
	p := &Plan{Next: next, Change: "revoked " + k.Thumbprint, Lines: []Line{{"-", k.Thumbprint, k.Key.Kid, "revoked"}}}
	for _, o := range next.Keys {
		p.Lines = append(p.Lines, Line{"=", o.Thumbprint, o.Key.Kid, o.Status})
	}
	return p, nil
}
