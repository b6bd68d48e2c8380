package explain

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/trust"
)

// Event is what CloudTrail, or an event of Daypass in the same form, tells of an
// exchange. AWS writes one for a denial; for a token that it could not verify it
// writes none (AWS Knowledge Center, "InvalidIdentityToken").
type Event struct {
	// Subject is the token's sub, Audience its audience, Provider the ARN of the
	// provider.
	Subject, Audience, Provider string
	RoleARN, RoleSessionName    string
	// ErrorCode and ErrorMessage are empty where the exchange succeeded.
	ErrorCode, ErrorMessage string
}

// ParseEvent reads one event of CloudTrail, bare or as the one record of a file.
func ParseEvent(text []byte) (*Event, error) {
	var file struct{ Records []json.RawMessage }
	if json.Unmarshal(text, &file) == nil && file.Records != nil {
		if len(file.Records) != 1 {
			return nil, fmt.Errorf("explain: the file has %d records; give one event", len(file.Records))
		}
		text = file.Records[0]
	}
	var record struct {
		EventName    string `json:"eventName"`
		ErrorCode    string `json:"errorCode"`
		ErrorMessage string `json:"errorMessage"`
		UserIdentity struct {
			Type             string `json:"type"`
			PrincipalID      string `json:"principalId"`
			UserName         string `json:"userName"`
			IdentityProvider string `json:"identityProvider"`
		} `json:"userIdentity"`
		RequestParameters struct {
			RoleARN         string `json:"roleArn"`
			RoleSessionName string `json:"roleSessionName"`
		} `json:"requestParameters"`
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return nil, fmt.Errorf("explain: the event is no JSON object: %w", err)
	}
	if record.EventName != "AssumeRoleWithWebIdentity" {
		return nil, fmt.Errorf("explain: the event is of %q, and not of AssumeRoleWithWebIdentity", record.EventName)
	}
	id := record.UserIdentity
	if id.UserName == "" || id.IdentityProvider == "" {
		return nil, errors.New("explain: the event names no userName or no identityProvider in userIdentity")
	}
	e := &Event{
		Subject: id.UserName, Provider: id.IdentityProvider,
		RoleARN: record.RequestParameters.RoleARN, RoleSessionName: record.RequestParameters.RoleSessionName,
		ErrorCode: record.ErrorCode, ErrorMessage: record.ErrorMessage,
	}
	// PROVIDER:AUDIENCE:SUBJECT, of which audience and subject may have colons.
	if rest, ok := strings.CutPrefix(id.PrincipalID, id.IdentityProvider+":"); ok {
		e.Audience, _ = strings.CutSuffix(rest, ":"+id.UserName)
	}
	return e, nil
}

// event makes a token of what an event tells, which is less than a token has.
func (e *explanation) event() *trust.Token {
	if e.RoleARN == "" {
		e.RoleARN = e.Event.RoleARN
	}
	if e.RoleSessionName == "" {
		e.RoleSessionName = e.Event.RoleSessionName
	}
	url := providerURL(e.Event.Provider)
	e.report.Issuer, e.report.Subject, e.report.Audience = "https://"+url, e.Event.Subject, []string{e.Event.Audience}
	e.passed("token", "AWS verified the token, or there would be no event; of its claims the event has sub and the audience alone")
	return &trust.Token{Provider: e.Event.Provider, ProviderURL: url, Subject: e.Event.Subject, Audience: e.Event.Audience}
}
