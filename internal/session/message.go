package session

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// MaxMessageLength is the most characters of a sealed message, in either
// direction (STS API Reference, DecodeAuthorizationMessage, EncodedMessage).
const MaxMessageLength = 10240

// maxMessage bounds, in bytes, what a sealed message unfolds to: it was made
// here, but possibly by a version with other bounds.
const maxMessage = 1 << 20

// messagePadding is, in bytes, of what the length of a packed message is made a
// multiple: how long a sealed message is should not tell what it says. What
// follows the end of the packed text is not read.
const messagePadding = 512

// messageLabel is the associated data of messages. No access key id has its
// length, so that no message opens as a session nor a session as a message.
const messageLabel = "daypass authorization message v1"

// ErrMessage is the one answer of OpenMessage to what it does not open.
var ErrMessage = errors.New("session: message is not valid")

// ErrMessageTooLarge says that a message does not fit into MaxMessageLength.
var ErrMessageTooLarge = fmt.Errorf("session: message needs more than %d characters", MaxMessageLength)

// SealMessage hands out a text that only this installation can read again, for
// as long as its key ring holds the present primary key: the encoded
// authorization message of a denial. It is base64url without padding.
func (k *Keys) SealMessage(text []byte) (string, error) {
	if k == nil || k.seal == nil {
		return "", errors.New("session: no key ring")
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		return "", fmt.Errorf("session: pack message: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return "", fmt.Errorf("session: pack message: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("session: pack message: %w", err)
	}
	padded := append(packed.Bytes(), make([]byte, messagePadding-1-(packed.Len()-1)%messagePadding)...)
	if base64.RawURLEncoding.EncodedLen(len(padded)+sealOverhead) > MaxMessageLength || len(text) > maxMessage {
		return "", ErrMessageTooLarge
	}
	sealed, err := k.seal.Encrypt(padded, []byte(messageLabel))
	if err != nil {
		return "", fmt.Errorf("session: seal message: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// OpenMessage is the inverse of SealMessage. The only error is ErrMessage.
func (k *Keys) OpenMessage(encoded string) ([]byte, error) {
	if k == nil || k.seal == nil || len(encoded) > MaxMessageLength {
		return nil, ErrMessage
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, ErrMessage
	}
	packed, err := k.seal.Decrypt(sealed, []byte(messageLabel))
	if err != nil {
		return nil, ErrMessage
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxMessage+1))
	if err != nil || len(text) > maxMessage {
		return nil, ErrMessage
	}
	return text, nil
}
