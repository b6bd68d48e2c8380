package s3store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"weak"

	"github.com/versity/versitygw/backend/meta"

	"github.com/daypass/daypass/internal/durable"
)

// maxAttribute is the most that is kept in an attribute. The file systems of
// Linux have as little as 4 KiB for all attributes of a file together (ext4: one
// block), and the sizes of ten thousand parts, or an object's tags beside its
// own metadata, are more than that.
const maxAttribute = 512

// reference stands in an attribute before the SHA-256 of a value that is in a
// file. No value of the server's begins so.
const reference = "\x00daypass:sha256:"

// metadata keeps what the server knows of buckets and objects besides their
// bytes. Beyond the server's own storer, it keeps large values in files that are
// named by their content and never change; and it makes a new object's bytes
// last before the object gets its name.
type metadata struct {
	meta.MetadataStorer

	overflow string // "" if values of any size fit
	// begun has the files of objects whose attributes, in files beside them, are
	// those of that object and not of the one that it replaces.
	begun sync.Map // of weak.Pointer[os.File]
}

// etag is the attribute by which the server ends what it writes of an object's
// file, when it has all of its bytes and before it has its name (backend/posix
// of versitygw 1.8.0: PutObject, CompleteMultipartUpload, UploadPart and
// createObjVersion).
const etag = "etag"

func (l *layout) metadata() (*metadata, error) {
	if l.sidecar == "" {
		return &metadata{MetadataStorer: watched(meta.XattrMeta{}), overflow: l.overflow}, nil
	}
	sidecar, err := meta.NewSideCar(l.sidecar)
	if err != nil {
		return nil, fmt.Errorf("s3store: %w", err)
	}
	return &metadata{MetadataStorer: watched(sidecar)}, nil
}

// watched is what a test puts around the server's storer, to end the process
// between two steps.
var watched = func(m meta.MetadataStorer) meta.MetadataStorer { return m }

// StoreAttribute implements meta.MetadataStorer.
func (m *metadata) StoreAttribute(f *os.File, bucket, object, attribute string, value []byte) error {
	if m.overflow != "" && len(value) > maxAttribute {
		name, err := m.keep(value)
		if err != nil {
			return err
		}
		value = []byte(reference + name)
	}
	if m.overflow == "" && f != nil && object != "" {
		if err := m.begin(f, bucket, object); err != nil {
			return err
		}
	}
	if err := m.MetadataStorer.StoreAttribute(f, bucket, object, attribute, value); err != nil {
		return err
	}
	if f != nil && attribute == etag {
		return f.Sync()
	}
	return nil
}

// DeleteAttribute implements meta.MetadataStorer. The lock and the version of an
// object stay with it: the server takes them from an object that it is about to
// replace, since in files beside objects they would be the new one's (backend/posix
// of versitygw 1.8.0: snapshotObjVersion, PutObject). An attribute is the file's,
// and a process that is killed then leaves the object without.
func (m *metadata) DeleteAttribute(bucket, object, attribute string) error {
	if m.overflow != "" && (attribute == holdAttribute || attribute == retentionAttribute || attribute == versionAttribute) {
		return nil
	}
	return m.MetadataStorer.DeleteAttribute(bucket, object, attribute)
}

// begin takes the attributes of a replaced object away when the first of the new
// one comes. In files they belong to the name, and the server would leave those
// that the new object does not have: tags, headers, that it is deleted.
func (m *metadata) begin(f *os.File, bucket, object string) error {
	pointer := weak.Make(f)
	if _, begun := m.begun.LoadOrStore(pointer, true); begun {
		return nil
	}
	runtime.AddCleanup(f, func(pointer weak.Pointer[os.File]) { m.begun.Delete(pointer) }, pointer)
	return m.DeleteAttributes(bucket, object)
}

// RetrieveAttribute implements meta.MetadataStorer.
//
// A delete marker has no etag: it is the file of the object that was deleted, with
// its attributes, and where the server asks for the etag by name it takes the object
// to be there (backend/posix of versitygw 1.8.0: checkPutPreconditions). To write
// under "If-None-Match: *" S3 asks whether the current version is an object (S3 User
// Guide, "How to prevent object overwrites with conditional writes"). By an open
// file it asks in order to copy all of the attributes.
func (m *metadata) RetrieveAttribute(f *os.File, bucket, object, attribute string) ([]byte, error) {
	if f == nil && attribute == etag && object != "" {
		_, err := m.MetadataStorer.RetrieveAttribute(nil, bucket, object, markerAttribute)
		if err == nil {
			return nil, meta.ErrNoSuchKey
		}
		if !errors.Is(err, meta.ErrNoSuchKey) {
			return nil, err
		}
	}
	value, err := m.MetadataStorer.RetrieveAttribute(f, bucket, object, attribute)
	if err != nil || m.overflow == "" {
		return value, err
	}
	name, found := bytes.CutPrefix(value, []byte(reference))
	if !found {
		return value, nil
	}
	if len(name) != hex.EncodedLen(sha256.Size) {
		return nil, fmt.Errorf("s3store: the attribute %s of %s/%s is damaged", attribute, bucket, object)
	}
	value, err = os.ReadFile(m.path(string(name)))
	if err != nil {
		// Not wrapped: to the server, what does not exist would be the object.
		return nil, fmt.Errorf("s3store: the attribute %s of %s/%s is lost: %v", attribute, bucket, object, err) //nolint:errorlint // see above
	}
	return value, nil
}

// keep writes a value, if it is not there yet.
func (m *metadata) keep(value []byte) (string, error) {
	sum := sha256.Sum256(value)
	name := hex.EncodeToString(sum[:])
	path := m.path(name)
	if _, err := os.Stat(path); err == nil {
		return name, nil
	}
	err := os.Mkdir(filepath.Dir(path), dirMode)
	if err == nil {
		err = syncPath(m.overflow)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("s3store: %w", err)
	}
	return name, durable.Replace(path, value, fileMode)
}

func (m *metadata) path(name string) string { return filepath.Join(m.overflow, name[:2], name) }
