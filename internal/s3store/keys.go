package s3store

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/versity/versitygw/s3err"
)

const (
	// maxKey is S3's (S3 User Guide, "Naming Amazon S3 objects").
	maxKey = 1024
	// maxElement is 255, which names of files have at most, without what the
	// server puts around the name of an object that it replaces.
	maxElement = 227
)

// refusedKey answers to a key that a path of a file cannot stand for. S3 takes
// every key; here, two keys would be one file, and what permits the one would
// permit the other.
func refusedKey(why string) error {
	return s3err.APIError{
		Code:           "InvalidRequest",
		Description:    "This store keeps an object in a file that its key names, and " + why,
		HTTPStatusCode: http.StatusBadRequest,
	}
}

// checkKey is nil for a key that is the name of one file, and of no other key's.
// A key may end in one slash: that is a directory.
func checkKey(key string, sidecar bool) error {
	switch {
	case key == "":
		return refusedKey("the key is empty.")
	case len(key) > maxKey:
		return s3err.GetKeyTooLongErr(int64(len(key)), maxKey)
	case !utf8.ValidString(key) || strings.IndexFunc(key, notXML) >= 0:
		return refusedKey("the key is not UTF-8, or has a control character that XML has not.")
	}
	if _, stray := strayOf(key); stray {
		return refusedKey("the key is like those of the store's own files.")
	}
	for element := range strings.SplitSeq(strings.TrimSuffix(key, "/"), "/") {
		switch {
		case element == "":
			return refusedKey("the key begins with a slash or has two in a row.")
		case element == "." || element == "..":
			return refusedKey("the key has . or .. between its slashes.")
		case element == uploadsDir:
			return refusedKey("the key has " + uploadsDir + " between its slashes, which is the store's own.")
		case sidecar && element == "meta":
			return refusedKey("the key has meta between its slashes, which is the store's own on this file system.")
		case len(element) > maxElement:
			return s3err.GetKeyTooLongErr(int64(len(element)), maxElement)
		}
	}
	return nil
}

// notXML says what XML 1.0 cannot say (section 2.2, Char). S3 lists such a key by
// encoding-type=url, which the store does not have.
func notXML(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// noSuchKey answers to reading what checkKey refuses: it cannot be there.
func noSuchKey() error { return s3err.GetAPIError(s3err.ErrNoSuchKey) }

// impossible says that no key has this prefix.
func impossible(prefix string) bool {
	if prefix == "" {
		return false
	}
	elements := strings.Split(prefix, "/")
	whole := elements[:len(elements)-1] // the last may go on
	return slices.ContainsFunc(whole, func(e string) bool { return e == "" || e == "." || e == ".." || e == uploadsDir })
}
