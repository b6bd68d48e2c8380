package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// CloudTrailRecord is an event in the form that AWS CloudTrail has for its own, so
// that what reads those reads these (CloudTrail User Guide, "CloudTrail record
// contents"). What CloudTrail has no member for is in AdditionalEventData.
//
// Unlike CloudTrail, Daypass has a record of every request, tokens that could not
// be verified among them.
type CloudTrailRecord struct {
	EventVersion        string         `json:"eventVersion"`
	UserIdentity        userIdentity   `json:"userIdentity"`
	EventTime           time.Time      `json:"eventTime"`
	EventSource         string         `json:"eventSource"`
	EventName           string         `json:"eventName"`
	AWSRegion           string         `json:"awsRegion,omitempty"`
	SourceIPAddress     string         `json:"sourceIPAddress"`
	UserAgent           string         `json:"userAgent"`
	ErrorCode           string         `json:"errorCode,omitempty"`
	ErrorMessage        string         `json:"errorMessage,omitempty"`
	RequestParameters   map[string]any `json:"requestParameters"`
	ResponseElements    map[string]any `json:"responseElements"`
	AdditionalEventData map[string]any `json:"additionalEventData,omitempty"`
	RequestID           string         `json:"requestID"`
	EventID             string         `json:"eventID"`
	ReadOnly            bool           `json:"readOnly"`
	Resources           []resource     `json:"resources,omitempty"`
	EventType           string         `json:"eventType"`
	ManagementEvent     bool           `json:"managementEvent"`
	RecipientAccountID  string         `json:"recipientAccountId,omitempty"`
	EventCategory       string         `json:"eventCategory"`
}

type userIdentity struct {
	Type             string          `json:"type"`
	PrincipalID      string          `json:"principalId,omitempty"`
	ARN              string          `json:"arn,omitempty"`
	AccountID        string          `json:"accountId,omitempty"`
	AccessKeyID      string          `json:"accessKeyId,omitempty"`
	UserName         string          `json:"userName,omitempty"`
	IdentityProvider string          `json:"identityProvider,omitempty"`
	SessionContext   *sessionContext `json:"sessionContext,omitempty"`
}

type sessionContext struct {
	SessionIssuer       sessionIssuer        `json:"sessionIssuer"`
	WebIDFederationData *webIDFederationData `json:"webIdFederationData,omitempty"`
}

type sessionIssuer struct {
	Type      string `json:"type"`
	ARN       string `json:"arn"`
	AccountID string `json:"accountId"`
	UserName  string `json:"userName"`
}

type webIDFederationData struct {
	FederatedProvider string            `json:"federatedProvider"`
	Attributes        map[string]string `json:"attributes"`
}

type resource struct {
	ARN string `json:"ARN"`
}

// eventVersion is that of the records whose members these are.
const eventVersion = "1.11"

// CloudTrail is the event in CloudTrail's form.
func (r *Record) CloudTrail() *CloudTrailRecord {
	e := &r.Event
	c := &CloudTrailRecord{
		EventVersion: eventVersion, UserIdentity: e.userIdentity(), EventTime: e.Time.UTC().Truncate(time.Second),
		EventSource: e.Service + ".amazonaws.com", EventName: e.Operation, AWSRegion: e.Region,
		SourceIPAddress: e.SourceIP, UserAgent: e.UserAgent, ErrorCode: e.Code, ErrorMessage: e.Message,
		RequestID: e.RequestID, EventID: eventID(r.Line), ReadOnly: readOnly(e.Operation),
		EventType: "AwsApiCall", ManagementEvent: true, RecipientAccountID: e.Account, EventCategory: "Management",
	}
	if strings.Contains(e.Operation, "Object") && e.Service == "s3" {
		c.ManagementEvent, c.EventCategory = false, "Data"
	}
	if e.Code == "" && e.Status >= 400 {
		c.ErrorCode = e.Fault
	}
	c.RequestParameters, c.ResponseElements = e.parameters(), e.response()
	for _, arn := range []string{e.Role, e.Resource} {
		if strings.HasPrefix(arn, "arn:") && !slices.Contains(c.Resources, resource{arn}) {
			c.Resources = append(c.Resources, resource{arn})
		}
	}
	c.AdditionalEventData = e.additional()
	return c
}

// userIdentity is who asked.
func (e *Event) userIdentity() userIdentity {
	if e.Principal == "" && e.Issuer != "" {
		provider := e.Provider
		audience := strings.Join(e.Audience, ",")
		return userIdentity{
			Type: "WebIdentityUser", PrincipalID: strings.Join([]string{provider, audience, e.Subject}, ":"), UserName: e.Subject, IdentityProvider: provider,
		}
	}
	id := userIdentity{Type: "Unknown", ARN: e.Principal, AccountID: e.Account, AccessKeyID: e.AccessKey}
	_, resource, _ := strings.Cut(e.Principal, ":"+e.Account+":")
	kind, name, _ := strings.Cut(resource, "/")
	switch kind {
	case "user":
		id.Type, id.UserName = "IAMUser", name[strings.LastIndexByte(name, '/')+1:]
	case "federated-user":
		id.Type = "FederatedUser"
	case "root":
		id.Type = "Root"
	case "assumed-role":
		id.Type = "AssumedRole"
		account, role, _ := assumedRole(e.Principal)
		id.SessionContext = &sessionContext{SessionIssuer: sessionIssuer{
			Type: "Role", ARN: "arn:aws:iam::" + account + ":role/" + role, AccountID: account, UserName: role,
		}}
		if o := e.Origin; o != nil {
			id.SessionContext.WebIDFederationData = &webIDFederationData{
				FederatedProvider: "arn:aws:iam::" + account + ":oidc-provider/" + strings.TrimPrefix(o.Issuer, "https://"),
				Attributes:        map[string]string{},
			}
		}
	}
	return id
}

// readOnly goes by the name, as names of AWS's operations do.
func readOnly(operation string) bool {
	for _, verb := range []string{"Get", "List", "Describe", "Head", "AssumeRole", "Decode", "Simulate", "BatchGet"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}

// eventID is a UUID of the line's own (RFC 9562 section 5.8, version 8): the same
// whenever the line is read.
func eventID(line []byte) string {
	sum := sha256.Sum256(line)
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	h := hex.EncodeToString(id)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

func (e *Event) parameters() map[string]any {
	return withoutEmpty(map[string]any{"roleArn": e.Role, "roleSessionName": e.RoleSessionName})
}

// response is what was given, but for its secrets.
func (e *Event) response() map[string]any {
	if e.IssuedKey == "" {
		return nil
	}
	credentials := map[string]any{"accessKeyId": e.IssuedKey}
	if e.ExpiresAt != nil {
		credentials["expiration"] = e.ExpiresAt.UTC().Format(time.RFC3339)
	}
	elements := map[string]any{"credentials": credentials}
	if e.Session != "" {
		elements["assumedRoleUser"] = map[string]any{"arn": e.Session}
	}
	if e.Principal == "" && e.Issuer != "" {
		elements["subjectFromWebIdentityToken"], elements["provider"] = e.Subject, e.Provider
		elements["audience"] = strings.Join(e.Audience, ",")
	}
	return elements
}

// additional is why, and for which job.
func (e *Event) additional() map[string]any {
	from := e.From()
	return withoutEmpty(map[string]any{
		"decision": e.Decision, "reason": e.Reason, "action": e.Action, "fault": e.Fault, "sourceIdentity": e.SourceIdentity,
		"issuer": from.Issuer, "subject": from.Subject, "jti": from.TokenID,
		"project": from.Project, "pipeline": from.Pipeline, "job": from.Job,
	})
}

// withoutEmpty is nil where nothing is left, which JSON writes as null, as
// CloudTrail does.
func withoutEmpty(members map[string]any) map[string]any {
	for name, value := range members {
		if value == "" {
			delete(members, name)
		}
	}
	if len(members) == 0 {
		return nil
	}
	return members
}
