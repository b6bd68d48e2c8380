package sigv4

import (
	"crypto/md5"  //nolint:gosec // Content-MD5 is a checksum of HTTP, and no signature (G501)
	"crypto/sha1" //nolint:gosec // one of S3's checksums, and no signature (G505)
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"slices"
	"strings"
)

const (
	checksumPrefix = "x-amz-checksum-"
	contentMD5     = "content-md5"
)

// checksum is one that a request declared of its payload.
type checksum struct {
	header    string // x-amz-checksum-crc32, content-md5
	algorithm string // CRC32, as S3 writes it
	trailing  bool
	want      []byte // of a trailing one, once the trailer has come
	hash      hash.Hash
}

// checksumAlgorithms are those that S3 documents for a single body (Amazon S3
// User Guide, "Checking object integrity"), by the end of their header.
var checksumAlgorithms = []struct {
	name string
	make func() hash.Hash
}{
	{"crc32", func() hash.Hash { return crc32.NewIEEE() }},
	{"crc32c", func() hash.Hash { return crc32.New(castagnoli) }},
	{"crc64nvme", func() hash.Hash { return crc64.New(nvme) }},
	{"sha1", sha1.New},
	{"sha256", sha256.New},
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	// nvme is CRC-64/NVME (NVM Express NVM Command Set Specification, section
	// 5.2.1.3.4), its polynomial reflected.
	nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)
)

// otherChecksumHeaders begin like those with a value and have none.
var otherChecksumHeaders = []string{"x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"}

func newChecksum(header string) (*checksum, bool) {
	name, ok := strings.CutPrefix(header, checksumPrefix)
	for _, algorithm := range checksumAlgorithms {
		if ok && name == algorithm.name {
			return &checksum{header: header, algorithm: strings.ToUpper(name), hash: algorithm.make()}, true
		}
	}
	return nil, false
}

func encodeSum(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }

// decode reads a value in Base64, in its one spelling.
func (c *checksum) decode(value string) ([]byte, bool) {
	sum, err := base64.StdEncoding.Strict().DecodeString(value)
	return sum, err == nil && len(sum) == c.hash.Size() && encodeSum(sum) == value
}

// compare says whether the payload, which has been read, has it. No secret is
// compared.
func (c *checksum) compare() error {
	got := c.hash.Sum(nil)
	if slices.Equal(got, c.want) {
		return nil
	}
	if c.header == contentMD5 {
		return s3Error(ChecksumMismatch, "BadDigest", badRequest, "The Content-MD5 you specified did not match what we received.").because(contentMD5).
			with("ExpectedDigest", encodeSum(c.want)).with("CalculatedDigest", encodeSum(got))
	}
	return s3Error(ChecksumMismatch, "BadDigest", badRequest, "The "+c.algorithm+" you specified did not match the calculated checksum.").because(c.algorithm)
}

// checksums gives those that the payload is to have, and the names of the
// trailer. One may be in a header or in the trailer, and Content-MD5 beside it.
func (p *Payload) checksums(of ChecksumOf) (sums []*checksum, trailer []string, err error) {
	if p.form.trailer {
		if trailer, err = trailerNames(p.header["X-Amz-Trailer"]); err != nil {
			return nil, nil, err
		}
		for _, name := range trailer {
			sum, _ := newChecksum(name)
			sum.trailing = true
			sums = append(sums, sum)
		}
	}
	if of == OfBody {
		if sums, err = p.headerChecksums(sums); err != nil {
			return nil, nil, err
		}
	}
	if err := p.checkAlgorithm(sums, of); err != nil {
		return nil, nil, err
	}
	if values := p.header["Content-Md5"]; len(values) > 0 {
		sum := &checksum{header: contentMD5, algorithm: "MD5", hash: md5.New()} //nolint:gosec // see the import (G401)
		var ok bool
		if sum.want, ok = sum.decode(strings.Join(values, ",")); !ok {
			return nil, nil, s3Error(ChecksumForm, "InvalidDigest", badRequest, "The Content-MD5 you specified was invalid.").because(contentMD5).
				with("Content-MD5", strings.Join(values, ","))
		}
		sums = append(sums, sum)
	}
	return sums, trailer, nil
}

// headerChecksums adds the one that a header has the value of to those of the
// trailer, where there may be none.
func (p *Payload) headerChecksums(sums []*checksum) ([]*checksum, error) {
	for name, values := range p.header {
		name = strings.ToLower(name)
		if !strings.HasPrefix(name, checksumPrefix) || slices.Contains(otherChecksumHeaders, name) {
			continue
		}
		sum, ok := newChecksum(name)
		if !ok {
			return nil, invalidRequest(ChecksumForm, "The algorithm type you specified in x-amz-checksum- header is invalid.")
		}
		if len(sums) > 0 {
			return nil, invalidRequest(ChecksumForm, "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		if sum.want, ok = sum.decode(strings.Join(values, ",")); !ok {
			return nil, invalidRequest(ChecksumForm, "Value for "+name+" header is invalid.").because(name)
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// checkAlgorithm asks that X-Amz-Sdk-Checksum-Algorithm, which SDKs send beside
// a checksum, names the one that is there.
func (p *Payload) checkAlgorithm(sums []*checksum, of ChecksumOf) error {
	values := p.header["X-Amz-Sdk-Checksum-Algorithm"]
	if len(values) == 0 || of == OfObject {
		return nil
	}
	name := strings.Join(values, ",")
	if _, ok := newChecksum(checksumPrefix + strings.ToLower(name)); !ok {
		return invalidRequest(ChecksumForm, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	if len(sums) == 0 {
		return invalidRequest(ChecksumForm, "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	}
	for _, sum := range sums {
		if !strings.EqualFold(sum.algorithm, name) {
			return invalidRequest(ChecksumForm, "Value for x-amz-sdk-checksum-algorithm header is invalid.")
		}
	}
	return nil
}

// trailerNames reads X-Amz-Trailer, which may name one checksum.
func trailerNames(values []string) ([]string, error) {
	if len(values) == 0 {
		return nil, nil
	}
	name := strings.ToLower(strings.Trim(strings.Join(values, ","), " \t"))
	if _, ok := newChecksum(name); !ok {
		return nil, invalidRequest(TrailerForm, "The value specified in the x-amz-trailer header is not supported").because("X-Amz-Trailer is no checksum")
	}
	return []string{name}, nil
}
