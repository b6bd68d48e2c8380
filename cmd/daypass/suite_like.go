package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/idtoken"

	"github.com/spf13/cobra"
)

// likeToken makes the claims of a token of a kind for a case of `daypass test`. Of
// the keys, iss and aud are what they say, the kind's settings are settings, and the
// others are claims.
func likeToken(now time.Time, kind string, keys map[string]any) (map[string]any, error) {
	request := idtoken.Request{Settings: map[string]string{}, Now: now, Random: rand.Reader}
	isSetting, err := settingsOf(kind)
	if err != nil {
		return nil, err
	}
	for name, value := range keys {
		switch {
		case name == "iss":
			request.Issuer = fmt.Sprint(value)
		case name == "aud":
			if list, ok := value.([]any); ok {
				for _, one := range list {
					request.Audience = append(request.Audience, fmt.Sprint(one))
				}
				continue
			}
			request.Audience = []string{fmt.Sprint(value)}
		case isSetting(name):
			request.Settings[name] = fmt.Sprint(value)
		default:
			text, err := json.Marshal(value)
			if err != nil {
				return nil, fmt.Errorf("the claim %s is no JSON: %w", name, err)
			}
			request.Extra = append(request.Extra, idtoken.Claim{Name: name, Value: json.RawMessage(text)})
		}
	}
	claims, err := claimsLike(kind, request)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	return all, json.Unmarshal(text, &all)
}

// settingsOf tells which names are settings of a kind.
func settingsOf(name string) (func(string) bool, error) {
	if name == "gitlab" {
		flags := &cobra.Command{}
		new(jobFlags).add(flags)
		return func(key string) bool {
			if gitlabName[key] != "" {
				return true
			}
			return key != "issuer" && flags.Flags().Lookup(strings.ReplaceAll(key, "_", "-")) != nil
		}, nil
	}
	kind, err := idtoken.Find(name)
	if err != nil {
		return nil, err
	}
	return func(key string) bool {
		for _, s := range kind.Settings {
			if s.Name == key {
				return true
			}
		}
		return false
	}, nil
}

func claimsLike(name string, request idtoken.Request) (idtoken.Claims, error) {
	if name != "gitlab" {
		kind, err := idtoken.Find(name)
		if err != nil {
			return nil, err
		}
		return kind.Claims(request)
	}
	facts, err := gitlabFacts(request.Settings)
	if err != nil {
		return nil, err
	}
	iss := request.Issuer
	if iss == "" {
		iss = realGitLab
	}
	return (&mintFlags{audiences: request.Audience}).gitlabClaims(facts, request, iss, iss)
}
