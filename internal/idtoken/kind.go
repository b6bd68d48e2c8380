package idtoken

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

//go:embed kinds/*.json
var files embed.FS

// Kind is one sort of ID token. It is immutable.
type Kind struct {
	// Name is what people call it: github.
	Name string `json:"name"`
	// Title says in a line what issues such tokens.
	Title string `json:"title"`
	// Source is where the claims and their forms are documented.
	Source string `json:"source"`
	// Issuer is the template of iss, as the real issuer writes it.
	Issuer string `json:"issuer"`
	// Header lists the members of the JOSE header, of alg, kid, typ and x5t.
	Header []string `json:"header"`
	// Audience is what aud may be.
	Audience Audience `json:"audience"`
	// NotBefore is nbf minus iat, in seconds; only {nbf} uses it.
	NotBefore int64 `json:"not_before"`
	// Life is exp minus iat, in seconds: the first whose condition holds.
	Life []struct {
		If      string `json:"if"`
		Seconds int64  `json:"seconds"`
	} `json:"life"`
	// MinLife and MaxLife bound what Request.TTL may ask for, in seconds; 0 is no
	// bound.
	MinLife int64 `json:"min_life"`
	MaxLife int64 `json:"max_life"`
	// Settings are what a token of this kind is made from, in order: a default
	// may refer to those before it.
	Settings []Setting `json:"settings"`

	ClaimList []choice `json:"claims"`
}

// Audience is what the issuer puts into aud.
type Audience struct {
	// Default is the template of the audience where none is asked for.
	Default string `json:"default"`
	// Max is how many may be asked for; 0 is any number, -1 none: it is fixed.
	Max int `json:"max"`
}

// Setting is one fact that a token tells.
type Setting struct {
	Name string `json:"name"`
	// About says what it is, in a line.
	About string `json:"about"`
	// Filter is applied to what is given, not to the default.
	Filter string `json:"filter"`
	// Values lists what it may be, where that is a list.
	Values []string `json:"values"`
	// Default is what it is where nothing is given: the first whose condition
	// holds, or empty.
	Default []choice `json:"default"`
}

// DefaultText is the default for people: the templates, where there are several
// with their conditions.
func (s *Setting) DefaultText() string {
	parts := make([]string, len(s.Default))
	for i, d := range s.Default {
		var template string
		_ = json.Unmarshal(d.Value, &template) // a test reads all defaults
		if parts[i] = template; d.If != "" {
			parts[i] = "if " + d.If + ": " + template
		}
	}
	return strings.Join(parts, "; ")
}

// choice is a value under a condition.
type choice struct {
	Name  string          `json:"name"`
	If    string          `json:"if"`
	Value json.RawMessage `json:"value"`
}

// Request is what one token is made from.
type Request struct {
	// Settings by name. What is left out has its default.
	Settings map[string]string
	// Issuer is iss; empty is the real issuer's.
	Issuer string
	// Audience is aud; empty is the kind's default.
	Audience []string
	// Now is iat.
	Now time.Time
	// TTL is exp minus iat; 0 is the kind's own.
	TTL time.Duration
	// Random gives the UUIDs.
	Random io.Reader
	// Extra claims are added, or take the place of the kind's. None may be iss,
	// which says under whose name the token is, and has its own way.
	Extra []Claim
}

// ErrRequest says that a request asks for what the kind does not have. The
// error names it, and what there is.
var ErrRequest = errors.New("idtoken: no such token")

// Kinds are all kinds, by name.
func Kinds() ([]*Kind, error) {
	entries, err := files.ReadDir("kinds")
	if err != nil {
		return nil, err
	}
	all := make([]*Kind, 0, len(entries))
	for _, e := range entries {
		text, err := files.ReadFile("kinds/" + e.Name())
		if err != nil {
			return nil, err
		}
		k, err := parseKind(text)
		if err != nil {
			return nil, fmt.Errorf("idtoken: %s: %w", e.Name(), err)
		}
		if k.Name+".json" != path.Base(e.Name()) {
			return nil, fmt.Errorf("idtoken: %s holds the kind %q", e.Name(), k.Name)
		}
		all = append(all, k)
	}
	return all, nil
}

// Find is the kind of that name; ErrRequest lists the names there are.
func Find(name string) (*Kind, error) {
	all, err := Kinds()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i, k := range all {
		if k.Name == name {
			return k, nil
		}
		names[i] = k.Name
	}
	return nil, fmt.Errorf("%w: no kind %q; there are %s", ErrRequest, name, strings.Join(names, ", "))
}

func parseKind(text []byte) (*Kind, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var k Kind
	if err := d.Decode(&k); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands after the kind")
	}
	return &k, nil
}

// Claims are the payload of a token. What the request asks for and the kind does
// not have is ErrRequest.
func (k *Kind) Claims(r Request) (Claims, error) {
	life, f, err := k.fill(r)
	if err != nil {
		return nil, err
	}
	f.special = map[string]any{
		"iat": r.Now.Unix(), "nbf": r.Now.Unix() + k.NotBefore, "exp": r.Now.Unix() + life, "iss": r.Issuer,
	}
	if r.Issuer == "" {
		if f.special["iss"], err = f.text(k.Issuer); err != nil {
			return nil, err
		}
	}
	if f.special["aud"], err = k.audience(r.Audience, f); err != nil {
		return nil, err
	}
	var out Claims
	for _, c := range k.ClaimList {
		if out.Has(c.Name) || !f.holds(c.If) {
			continue
		}
		value, err := f.value(c.Value)
		if err != nil {
			return nil, fmt.Errorf("idtoken: %s: claim %s: %w", k.Name, c.Name, err)
		}
		out = append(out, Claim{c.Name, value})
	}
	if err := out.Override(r.Extra); err != nil {
		return nil, err
	}
	return out, nil
}

// IssuerPath is the path of the real issuer's URL, such as /org/ID of CircleCI:
// what an issuer that stands in for it has behind its own URL.
func (k *Kind) IssuerPath(settings map[string]string) (string, error) {
	_, f, err := k.fill(Request{Settings: settings})
	if err != nil {
		return "", err
	}
	url, err := f.text(k.Issuer)
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(url, "://")
	if _, path, ok := strings.Cut(rest, "/"); ok {
		return "/" + path, nil
	}
	return "", nil
}

// fill checks the settings, gives the others their defaults, and says how long
// the token lives.
func (k *Kind) fill(r Request) (int64, *filler, error) {
	f := &filler{settings: map[string]string{}, random: r.Random}
	for name := range r.Settings {
		if !slices.ContainsFunc(k.Settings, func(s Setting) bool { return s.Name == name }) {
			return 0, nil, fmt.Errorf("%w: %s has no setting %q; it has %s", ErrRequest, k.Name, name, strings.Join(k.settingNames(), ", "))
		}
	}
	for _, s := range k.Settings {
		given, ok := r.Settings[s.Name]
		value, err := s.value(given, ok, f)
		if err != nil {
			return 0, nil, fmt.Errorf("%w: %s: %w", ErrRequest, k.Name, err)
		}
		f.settings[s.Name] = value
	}
	var life int64
	for _, l := range k.Life {
		if f.holds(l.If) {
			life = l.Seconds
			break
		}
	}
	if r.TTL != 0 {
		life = int64(r.TTL / time.Second)
		if life <= 0 || k.MinLife > 0 && life < k.MinLife || k.MaxLife > 0 && life > k.MaxLife {
			return 0, nil, fmt.Errorf("%w: a token of %s lives from %d to %s seconds, not %s", ErrRequest, k.Name, max(1, k.MinLife), bound(k.MaxLife), r.TTL)
		}
	}
	return life, f, nil
}

func bound(seconds int64) string {
	if seconds == 0 {
		return "any number of"
	}
	return fmt.Sprint(seconds)
}

func (k *Kind) settingNames() []string {
	names := make([]string, len(k.Settings))
	for i, s := range k.Settings {
		names[i] = s.Name
	}
	return names
}

func (s *Setting) value(given string, ok bool, f *filler) (string, error) {
	if !ok {
		for _, d := range s.Default {
			if !f.holds(d.If) {
				continue
			}
			var template string
			if err := json.Unmarshal(d.Value, &template); err != nil {
				return "", fmt.Errorf("the default of %s: %w", s.Name, err)
			}
			return f.text(template)
		}
		return "", nil
	}
	if len(s.Values) > 0 && !slices.Contains(s.Values, given) {
		return "", fmt.Errorf("%s %q should be one of %s", s.Name, given, strings.Join(s.Values, ", "))
	}
	if s.Filter == "" || given == "" {
		return given, nil
	}
	changed, err := apply(given, s.Filter)
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.Name, err)
	}
	return fmt.Sprint(changed), nil
}

// audience is a string, or a list where several were asked for.
func (k *Kind) audience(asked []string, f *filler) (any, error) {
	switch {
	case len(asked) == 0:
		return f.text(k.Audience.Default)
	case k.Audience.Max < 0:
		return nil, fmt.Errorf("%w: the audience of %s is always %s", ErrRequest, k.Name, k.Audience.Default)
	case k.Audience.Max > 0 && len(asked) > k.Audience.Max:
		return nil, fmt.Errorf("%w: a token of %s has at most %d audiences, not %d", ErrRequest, k.Name, k.Audience.Max, len(asked))
	case slices.Contains(asked, ""):
		return nil, fmt.Errorf("%w: an audience is empty", ErrRequest)
	case len(asked) == 1:
		return asked[0], nil
	}
	return slices.Clone(asked), nil
}
