package audit

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/durable"
)

// An index stands beside its segment and says, of each piece of it of about
// blockBytes, between which times its events began, and of each term in which
// blocks it is. It can be lost: it is made again from the segment. Numbers are
// little-endian.
//
//	magic
//	size of the segment; number of blocks; number of pairs: 8 bytes each
//	blocks: offset, earliest and latest time in nanoseconds since 1970: 8 bytes each
//	CRC-32 (Castagnoli) of all that, 4 bytes
//	pairs: hash of a term, 8 bytes; number of a block, 4 bytes. In order.
//	CRC-32 of the pairs, 4 bytes
const (
	indexMagic  = "daypass index 1\n"
	blockBytes  = 128 << 10
	blockRecord = 3 * 8
	pairRecord  = 8 + 4
	indexHeader = len(indexMagic) + 3*8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// block is a piece of a segment, in whole lines.
type block struct {
	offset           int64
	earliest, latest int64 // nanoseconds since 1970; of events that can be read
}

type pair struct {
	hash  uint64
	block uint32
}

// index is an open index.
type index struct {
	file   io.ReaderAt
	size   int64 // of the segment
	blocks []block
	pairs  int64 // how many
	at     int64 // where they begin
}

// buildIndex reads a segment and writes its index.
func buildIndex(segment *os.File, size int64, path string) error {
	blocks, pairs, err := indexOf(io.NewSectionReader(segment, 0, size))
	if err != nil {
		return err
	}
	return durable.Replace(path, encodeIndex(size, blocks, pairs), 0o600)
}

// indexOf makes an index of what is read. A line that is no event is in no block's
// times and has no terms: no query finds it, and Verify tells of it.
func indexOf(r io.Reader) ([]block, []pair, error) {
	var blocks []block
	var pairs []pair
	in := map[uint64]bool{} // the present block's terms
	next := func(offset int64) {
		blocks = append(blocks, block{offset: offset, earliest: math.MaxInt64, latest: math.MinInt64})
		clear(in)
	}
	next(0)
	err := eachLine(r, func(offset int64, line []byte) error {
		b := &blocks[len(blocks)-1]
		if offset-b.offset >= blockBytes {
			next(offset)
			b = &blocks[len(blocks)-1]
		}
		var e indexed
		if json.Unmarshal(line, &e) != nil {
			return nil //nolint:nilerr // see above
		}
		began := e.Time.UnixNano()
		b.earliest, b.latest = min(b.earliest, began), max(b.latest, began)
		for _, t := range e.event().terms() {
			if h := t.hash(); !in[h] {
				in[h] = true
				pairs = append(pairs, pair{h, uint32(len(blocks) - 1)})
			}
		}
		return nil
	})
	slices.SortFunc(pairs, comparePairs)
	return blocks, pairs, err
}

func comparePairs(a, b pair) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.block, b.block))
}

// indexed is what of an event its terms come from: to read the rest would take
// most of the time.
type indexed struct {
	Time      time.Time         `json:"time"`
	RequestID string            `json:"requestId"`
	Operation string            `json:"operation"`
	Status    int               `json:"status"`
	Fault     string            `json:"fault"`
	Decision  string            `json:"decision"`
	Account   string            `json:"account"`
	Principal string            `json:"principal"`
	AccessKey string            `json:"accessKeyId"`
	Issuer    string            `json:"issuer"`
	Subject   string            `json:"subject"`
	TokenID   string            `json:"jti"`
	Claims    map[string]string `json:"claims"`
	Origin    *Origin           `json:"origin"`
	Role      string            `json:"role"`
	IssuedKey string            `json:"issuedAccessKeyId"`
}

func (i *indexed) event() *Event {
	return &Event{
		Time: i.Time, RequestID: i.RequestID, Operation: i.Operation, Status: i.Status, Fault: i.Fault, Decision: i.Decision,
		Account: i.Account, Principal: i.Principal, AccessKey: i.AccessKey, Issuer: i.Issuer, Subject: i.Subject,
		TokenID: i.TokenID, Claims: i.Claims, Origin: i.Origin, Role: i.Role, IssuedKey: i.IssuedKey,
	}
}

func encodeIndex(size int64, blocks []block, pairs []pair) []byte {
	b := make([]byte, 0, indexHeader+len(blocks)*blockRecord+len(pairs)*pairRecord+2*crc32.Size)
	b = append(b, indexMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(blocks)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(pairs)))
	for _, k := range blocks {
		b = binary.LittleEndian.AppendUint64(b, uint64(k.offset))
		b = binary.LittleEndian.AppendUint64(b, uint64(k.earliest))
		b = binary.LittleEndian.AppendUint64(b, uint64(k.latest))
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	from := len(b)
	for _, p := range pairs {
		b = binary.LittleEndian.AppendUint64(b, p.hash)
		b = binary.LittleEndian.AppendUint32(b, p.block)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
}

// errIndex is of an index that cannot be used, and is to be made again.
var errIndex = errors.New("audit: the index cannot be used")

// readIndex reads all of an index but its pairs.
func readIndex(f io.ReaderAt, length, segmentSize int64) (*index, error) {
	header := make([]byte, indexHeader)
	if _, err := f.ReadAt(header, 0); err != nil || string(header[:len(indexMagic)]) != indexMagic {
		return nil, errIndex
	}
	numbers := header[len(indexMagic):]
	size := int64(binary.LittleEndian.Uint64(numbers))
	blocks := int64(binary.LittleEndian.Uint64(numbers[8:]))
	pairs := int64(binary.LittleEndian.Uint64(numbers[16:]))
	if size != segmentSize || blocks < 1 || blocks > length/blockRecord || pairs < 0 || pairs > length/pairRecord ||
		length != int64(indexHeader)+blocks*blockRecord+pairs*pairRecord+2*crc32.Size {
		return nil, errIndex
	}
	text := make([]byte, int64(indexHeader)+blocks*blockRecord+crc32.Size)
	if _, err := f.ReadAt(text, 0); err != nil {
		return nil, errIndex
	}
	sum := len(text) - crc32.Size
	if crc32.Checksum(text[:sum], castagnoli) != binary.LittleEndian.Uint32(text[sum:]) {
		return nil, errIndex
	}
	x := &index{file: f, size: size, blocks: make([]block, blocks), pairs: pairs, at: int64(len(text))}
	for i := range x.blocks {
		at := text[indexHeader+i*blockRecord:]
		x.blocks[i] = block{
			int64(binary.LittleEndian.Uint64(at)), int64(binary.LittleEndian.Uint64(at[8:])), int64(binary.LittleEndian.Uint64(at[16:])),
		}
		if o := x.blocks[i].offset; o < 0 || o > size || i > 0 && o <= x.blocks[i-1].offset {
			return nil, errIndex
		}
	}
	return x, nil
}

// BuildIndexes makes the indexes that are missing of this writer's segments, so that
// no search has to. It may run beside everything else, and stops when ctx ends.
func (l *Log) BuildIndexes(ctx context.Context) error {
	if l.Path() == "" {
		return nil
	}
	segments, err := segmentsOf(l.file.stem)
	if err != nil {
		return err
	}
	for _, s := range segments {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		path := indexPath(s.path)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		f, err := openPart(s.path, false)
		if errors.Is(err, fs.ErrNotExist) { // retired since
			continue
		}
		if err != nil {
			return err
		}
		err = buildIndex(f.File, f.size, path)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func indexPath(segment string) string { return strings.TrimSuffix(segment, liveSuffix) + indexSuffix }

// openIndex opens the index of a segment, and makes it where it is missing or
// damaged. Where it cannot be written, it is kept in memory alone.
func openIndex(segment opened) (*index, func(), error) {
	path := indexPath(segment.path)
	for made := false; ; made = true {
		x, done, err := tryIndex(path, segment.size)
		if err == nil {
			return x, done, nil
		}
		if made || !errors.Is(err, errIndex) && !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err := buildIndex(segment.File, segment.size, path); err != nil {
			break
		}
	}
	blocks, pairs, err := indexOf(io.NewSectionReader(segment, 0, segment.size))
	if err != nil {
		return nil, nil, err
	}
	text := encodeIndex(segment.size, blocks, pairs)
	x, err := readIndex(strings.NewReader(string(text)), int64(len(text)), segment.size)
	return x, func() {}, err
}

func tryIndex(path string, segmentSize int64) (*index, func(), error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var x *index
		if x, err = readIndex(f, info.Size(), segmentSize); err == nil {
			return x, func() { _ = f.Close() }, nil
		}
	}
	return nil, nil, errors.Join(err, f.Close())
}

// candidates are the numbers of the blocks that may have an event which q matches,
// in order.
func (x *index) candidates(q *Query) ([]int, error) {
	var found []int
	for i, b := range x.blocks {
		if q.mayBegin(b.earliest, b.latest) {
			found = append(found, i)
		}
	}
	for _, t := range q.terms() {
		if len(found) == 0 {
			break
		}
		has, err := x.blocksWith(t.hash())
		if err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(found, func(i int) bool {
			_, ok := slices.BinarySearch(has, uint32(i))
			return !ok
		})
	}
	return found, nil
}

// mayBegin reports whether an event between two times can be in the query's.
func (q *Query) mayBegin(earliest, latest int64) bool {
	return earliest <= latest &&
		(q.From.IsZero() || latest >= q.From.UnixNano()) && (q.To.IsZero() || earliest < q.To.UnixNano())
}

// blocksWith searches the pairs on the disk.
func (x *index) blocksWith(hash uint64) ([]uint32, error) {
	var failed error
	at := func(i int64) pair {
		var raw [pairRecord]byte
		if _, err := x.file.ReadAt(raw[:], x.at+i*pairRecord); err != nil {
			failed = fmt.Errorf("audit: read an index: %w", err)
		}
		return pair{binary.LittleEndian.Uint64(raw[:]), binary.LittleEndian.Uint32(raw[8:])}
	}
	low, high := int64(0), x.pairs
	for low < high && failed == nil {
		if middle := low + (high-low)/2; at(middle).hash < hash {
			low = middle + 1
		} else {
			high = middle
		}
	}
	var found []uint32
	for ; low < x.pairs && failed == nil; low++ {
		p := at(low)
		if p.hash != hash {
			break
		}
		found = append(found, p.block)
	}
	return found, failed
}

// bounds of a block in its segment.
func (x *index) bounds(i int) (from, to int64) {
	if i+1 < len(x.blocks) {
		return x.blocks[i].offset, x.blocks[i+1].offset
	}
	return x.blocks[i].offset, x.size
}
