package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// actions asks GitHub Actions, or what speaks as it does, for a fresh token whenever
// one is wanted: theirs live for some minutes (GitHub Docs, "OpenID Connect reference",
// methods for requesting the OIDC token).
func (f *Find) actions() TokenSource {
	from := "what ACTIONS_ID_TOKEN_REQUEST_URL gave"
	return &given{
		token: func(ctx context.Context) (*Token, error) {
			text, err := f.requestToken(ctx)
			if err != nil {
				return nil, &Error{Kind: NoToken, Message: "client: no ID token from ACTIONS_ID_TOKEN_REQUEST_URL", Err: err}
			}
			return NewToken(text, from)
		},
		key: func(context.Context) (string, error) {
			// The URL is the job's own.
			return hashOf("actions", f.Env["ACTIONS_ID_TOKEN_REQUEST_URL"], f.Env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"], f.wantedAudience()), nil
		},
	}
}

// tokenTries is how often a token is asked for; what makes them is known to answer
// with an error of its own now and then.
const tokenTries = 3

func (f *Find) requestToken(ctx context.Context) (text string, err error) {
	u, err := url.Parse(f.Env["ACTIONS_ID_TOKEN_REQUEST_URL"])
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("it is no URL") //nolint:perfsprint // beside others
	}
	query := u.Query()
	query.Set("audience", f.wantedAudience())
	u.RawQuery = query.Encode()
	for range tokenTries {
		var again bool
		if text, again, err = f.requestOnce(ctx, u.String()); err == nil || !again || ctx.Err() != nil {
			break
		}
	}
	return text, err
}

func (f *Find) requestOnce(ctx context.Context, address string) (text string, again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", false, err
	}
	r.Header.Set("Authorization", "Bearer "+f.Env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
	r.Header.Set("Accept", "application/json; api-version=2.0")
	answer, err := f.HTTP.Do(r)
	if err != nil {
		return "", true, err
	}
	defer answer.Body.Close() //nolint:errcheck // read below
	body, err := io.ReadAll(io.LimitReader(answer.Body, 2*maxToken))
	if err != nil {
		return "", true, err
	}
	if answer.StatusCode != http.StatusOK {
		return "", answer.StatusCode >= http.StatusInternalServerError, fmt.Errorf("it answers %s", answer.Status)
	}
	var given struct{ Value string }
	if json.Unmarshal(body, &given) != nil || given.Value == "" {
		return "", false, fmt.Errorf("its answer has no value") //nolint:perfsprint // beside others
	}
	return given.Value, false, nil
}
