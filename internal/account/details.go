package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// Details is what GetAccountAuthorizationDetails tells of an account. As JSON it
// is what the aws CLI prints of it: members in the order of the service model,
// documents decoded, times with "+00:00". A list that is nil is not told (the
// service does not tell UserPolicyList of a user without inline policies); all
// others are told when they are empty too (recorded on AWS).
type Details struct {
	Users    []UserDetail    `json:"UserDetailList"`
	Groups   []GroupDetail   `json:"GroupDetailList"`
	Roles    []RoleDetail    `json:"RoleDetailList"`
	Policies []ManagedPolicy `json:"Policies"`
}

// UserDetail is a user with its policies and groups.
type UserDetail struct {
	Path       string
	Name       string `json:"UserName"`
	ID         string `json:"UserId"`
	ARN        string `json:"Arn"`
	CreateDate Time
	Inline     []InlinePolicy `json:"UserPolicyList,omitempty"`
	Groups     []string       `json:"GroupList"`
	Attached   []Attached     `json:"AttachedManagedPolicies"`
	Boundary   *Boundary      `json:"PermissionsBoundary,omitempty"`
	Tags       []Tag
}

// GroupDetail is a group with its policies.
type GroupDetail struct {
	Path       string
	Name       string `json:"GroupName"`
	ID         string `json:"GroupId"`
	ARN        string `json:"Arn"`
	CreateDate Time
	Inline     []InlinePolicy `json:"GroupPolicyList"`
	Attached   []Attached     `json:"AttachedManagedPolicies"`
}

// RoleDetail is a role with its policies and the instance profiles that hold it.
type RoleDetail struct {
	Path        string
	Name        string `json:"RoleName"`
	ID          string `json:"RoleId"`
	ARN         string `json:"Arn"`
	CreateDate  Time
	TrustPolicy Document       `json:"AssumeRolePolicyDocument"`
	Profiles    []Profile      `json:"InstanceProfileList"`
	Inline      []InlinePolicy `json:"RolePolicyList"`
	Attached    []Attached     `json:"AttachedManagedPolicies"`
	Boundary    *Boundary      `json:"PermissionsBoundary,omitempty"`
	Tags        []Tag
	LastUsed    LastUsed `json:"RoleLastUsed"`
}

// ManagedPolicy is a managed policy with its versions, the newest first.
type ManagedPolicy struct {
	Name            string `json:"PolicyName"`
	ID              string `json:"PolicyId"`
	ARN             string `json:"Arn"`
	Path            string
	DefaultVersion  string `json:"DefaultVersionId"`
	AttachmentCount int
	BoundaryCount   int `json:"PermissionsBoundaryUsageCount"`
	IsAttachable    bool
	Description     string `json:",omitempty"` // in a file; the service does not tell it (recorded on AWS)
	CreateDate      Time
	UpdateDate      Time
	Versions        []PolicyVersion `json:"PolicyVersionList"`
}

// PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	Document   Document
	ID         string `json:"VersionId"`
	IsDefault  bool   `json:"IsDefaultVersion"`
	CreateDate Time
}

// Profile is an instance profile, with the role that holds it in the list.
type Profile struct {
	Path       string
	Name       string `json:"InstanceProfileName"`
	ID         string `json:"InstanceProfileId"`
	ARN        string `json:"Arn"`
	CreateDate Time
	Roles      []ProfileRole
}

// ProfileRole is what an instance profile tells of its role.
type ProfileRole struct {
	Path        string
	Name        string `json:"RoleName"`
	ID          string `json:"RoleId"`
	ARN         string `json:"Arn"`
	CreateDate  Time
	TrustPolicy Document `json:"AssumeRolePolicyDocument"`
}

// InlinePolicy is a policy embedded in a user, group or role.
type InlinePolicy struct {
	Name     string   `json:"PolicyName"`
	Document Document `json:"PolicyDocument"`
}

// Attached names a managed policy.
type Attached struct {
	Name string `json:"PolicyName"`
	ARN  string `json:"PolicyArn"`
}

// Boundary names a permissions boundary. Type is always "Policy" (recorded on
// AWS; the API Reference has another word).
type Boundary struct {
	Type string `json:"PermissionsBoundaryType"`
	ARN  string `json:"PermissionsBoundaryArn"`
}

// Tag is a name and value.
type Tag struct{ Key, Value string }

// LastUsed is when a role was last used, empty for one that was not.
type LastUsed struct {
	Date   *Time  `json:"LastUsedDate,omitempty"`
	Region string `json:",omitempty"`
}

// Time is a time as the aws CLI prints it.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return json.Marshal(t.UTC().Format("2006-01-02T15:04:05-07:00"))
}

// Document is a policy document: the text. As JSON it is the document itself,
// as the aws CLI decodes it, and one that is not JSON is the text with percent
// signs, as it stands on the wire, which the CLI then leaves as it is.
type Document string

// MarshalJSON implements json.Marshaler.
func (d Document) MarshalJSON() ([]byte, error) {
	if !json.Valid([]byte(d)) {
		return json.Marshal(PercentEncode(string(d)))
	}
	var decoded bytes.Buffer
	if err := reencode(&decoded, json.NewDecoder(strings.NewReader(string(d)))); err != nil {
		return nil, fmt.Errorf("account: encode a document: %w", err)
	}
	return decoded.Bytes(), nil
}

// UnmarshalJSON implements json.Unmarshaler. The text is that of the file.
func (d *Document) UnmarshalJSON(text []byte) error {
	if len(text) == 0 || text[0] != '"' {
		*d = Document(text)
		return nil
	}
	var encoded string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return err
	}
	decoded, err := url.PathUnescape(encoded)
	if err != nil { // it was not encoded
		decoded = encoded
	}
	*d = Document(decoded)
	return nil
}

// PercentEncode gives a document as replies carry it: percent-encoded after
// RFC 3986, all but unreserved characters.
func PercentEncode(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// reencode writes one JSON value with its members in their order and its strings
// spelled in one way, as a program does that decoded and printed it.
func reencode(w *bytes.Buffer, d *json.Decoder) error {
	d.UseNumber()
	token, err := d.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return writeJSON(w, token)
	}
	w.WriteRune(rune(delim))
	for n := 0; d.More(); n++ {
		if n > 0 {
			w.WriteByte(',')
		}
		if delim == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if err := writeJSON(w, name); err != nil {
				return err
			}
			w.WriteByte(':')
		}
		if err := reencode(w, d); err != nil {
			return err
		}
	}
	end, err := d.Token()
	if err != nil {
		return err
	}
	w.WriteRune(rune(end.(json.Delim))) //nolint:forcetypeassert // More was false: it is the end
	return nil
}

func writeJSON(w *bytes.Buffer, token any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(token); err != nil {
		return err
	}
	w.Truncate(w.Len() - 1) // the newline
	return nil
}

// Write writes the details as the aws CLI prints them.
func (d *Details) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "    ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("account: write the details: %w", err)
	}
	return nil
}
