package sts

import (
	"net/http"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/session"
)

// decodedMessage is the reply of DecodeAuthorizationMessage.
type decodedMessage struct{ text string }

// decodeAuthorizationMessage opens what a denial in the caller's account
// carried: in the message to the client, or in its event. Who may call it is
// told of others' requests, which is why it asks for a permission (STS API
// Reference, DecodeAuthorizationMessage).
func decodeAuthorizationMessage(c *awsapi.Call) (awsapi.Result, error) {
	if err := refuseUserSession(c, "DecodeAuthorizationMessage"); err != nil {
		return nil, err
	}
	encoded := c.Params.Get("EncodedMessage")
	var v awsapi.Validation
	v.Required("encodedMessage", c.Params.Has("EncodedMessage"))
	if c.Params.Has("EncodedMessage") {
		v.Length("encodedMessage", encoded, 1, session.MaxMessageLength)
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	text, err := awsapi.OpenDenial(c.Snapshot.SessionKeys(), c.Account, encoded)
	if err != nil { // AWS's sentence is not known
		return nil, awsapi.Error(http.StatusBadRequest, "InvalidAuthorizationMessageException", "The encoded authorization message is not valid.").
			Because("it was not made by this installation for account %s, was changed, or is older than the session keys", c.Account)
	}
	return decodedMessage{text}, nil
}

// WriteXML implements awsapi.Result.
func (r decodedMessage) WriteXML(x *awsapi.XML) { x.Text("DecodedMessage", r.text) }
