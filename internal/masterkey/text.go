package masterkey

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

const (
	clearVersion = 1 // the keyset stands in clear
	kmsVersion   = 2 // it is encrypted under a key of a KMS
	// maxFile bounds what is read, in bytes. A key takes a few hundred.
	maxFile = 64 << 10
	// MaxKeys bounds a key set. There are two while one is rotated.
	MaxKeys     = 16
	xaesTypeURL = "type.googleapis.com/google.crypto.tink.XAesGcmKey"
)

// kmsAssociated is the associated data under which a KMS encrypts a key set.
var kmsAssociated = []byte("daypass master key")

// file is a key set as text. Sum makes a flipped bit in the key a damaged file
// rather than another key.
type file struct {
	Version int    `json:"version"`
	KMS     string `json:"kms,omitempty"` // the URI of the key that encrypts Keyset; only in version 2
	Keyset  []byte `json:"keyset"`        // Tink keyset, binary, in clear or encrypted
	Sum     []byte `json:"sum"`           // SHA-256 of Keyset
}

// newHandle makes a keyset of one key.
func newHandle() (*keyset.Handle, error) {
	return keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
}

// printed is a keyset as text, encrypted, where there is a KMS.
func printed(handle *keyset.Handle, kms *KMS) ([]byte, error) {
	var set bytes.Buffer
	f := file{Version: clearVersion}
	var err error
	if kms == nil {
		err = insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&set))
	} else {
		f.Version, f.KMS = kmsVersion, kms.URI
		err = handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&set), kms.AEAD, kmsAssociated)
	}
	if err != nil {
		return nil, fmt.Errorf("masterkey: write the key set: %w", err)
	}
	sum := sha256.Sum256(set.Bytes())
	f.Keyset, f.Sum = set.Bytes(), sum[:]
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("masterkey: write the key set: %w", err)
	}
	return append(text, '\n'), nil
}

// parse reads the text of a key set. No error tells any of it. The KMS is the
// configured one: what the text names is held against it and never followed.
func parse(text []byte, kms *KMS) (*keyset.Handle, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrDamaged, maxFile)
	}
	var from file
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&from); err != nil {
		return nil, fmt.Errorf("%w: it is not the JSON that was written", ErrDamaged)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows the key", ErrDamaged)
	}
	if from.Version != clearVersion && from.Version != kmsVersion || (from.Version == kmsVersion) != (from.KMS != "") {
		return nil, fmt.Errorf("%w: its version is %d, and this program reads versions %d and, of a KMS, %d", ErrDamaged, from.Version, clearVersion, kmsVersion)
	}
	if sum := sha256.Sum256(from.Keyset); subtle.ConstantTimeCompare(sum[:], from.Sum) != 1 {
		return nil, fmt.Errorf("%w: its sum does not fit its key", ErrDamaged)
	}
	handle, err := from.handle(kms)
	if err != nil {
		return nil, err
	}
	if n := len(handle.KeysetInfo().GetKeyInfo()); n > MaxKeys {
		return nil, fmt.Errorf("%w: it holds %d keys, more than %d", ErrDamaged, n, MaxKeys)
	}
	for _, key := range handle.KeysetInfo().GetKeyInfo() {
		if key.GetTypeUrl() != xaesTypeURL || key.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK || key.GetStatus() != tinkpb.KeyStatusType_ENABLED {
			return nil, fmt.Errorf("%w: key %d is not an XAES-256-GCM key with Tink's prefix", ErrDamaged, key.GetKeyId())
		}
	}
	return handle, nil
}

// handle gives the keyset, decrypted by the KMS where it is encrypted.
func (f *file) handle(kms *KMS) (*keyset.Handle, error) {
	reader := keyset.NewBinaryReader(bytes.NewReader(f.Keyset))
	if f.Version == clearVersion {
		handle, err := insecurecleartextkeyset.Read(reader)
		if err != nil {
			return nil, fmt.Errorf("%w: it holds no keyset", ErrDamaged)
		}
		return handle, nil
	}
	switch {
	case kms == nil:
		return nil, fmt.Errorf("%w: it is encrypted under %s, and no KMS is configured; give that with --master-key-kms", ErrKMS, f.KMS)
	case kms.URI != f.KMS:
		return nil, fmt.Errorf("%w: it is encrypted under %s, and %s is configured", ErrKMS, f.KMS, kms.URI)
	}
	handle, err := keyset.ReadWithAssociatedData(reader, kms.AEAD, kmsAssociated)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKMS, err)
	}
	return handle, nil
}
