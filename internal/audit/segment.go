package audit

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	liveSuffix  = ".jsonl"
	lockSuffix  = ".lock"
	indexSuffix = ".index"
)

// segment is a file of a record that is not written to any more.
type segment struct {
	path  string
	first uint64 // sequence of its first event; 0 where its events have none
}

// segmentPath has digits enough for names to sort as numbers do.
func segmentPath(stem string, first uint64) string {
	return fmt.Sprintf("%s-%016d%s", stem, first, liveSuffix)
}

var segmentName = regexp.MustCompile(`^(.+)-(\d{16,20})\.jsonl$`)

// segmentsOf are the segments of one writer's record, oldest first.
func segmentsOf(stem string) ([]segment, error) {
	entries, err := os.ReadDir(filepath.Dir(stem))
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	var found []segment
	for _, entry := range entries {
		m := segmentName.FindStringSubmatch(entry.Name())
		if m == nil || m[1] != filepath.Base(stem) || !entry.Type().IsRegular() {
			continue
		}
		first, err := strconv.ParseUint(m[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("audit: the name %s has no sequence number: %w", entry.Name(), err)
		}
		found = append(found, segment{path: filepath.Join(filepath.Dir(stem), entry.Name()), first: first})
	}
	slices.SortFunc(found, func(a, b segment) int { return cmp.Compare(a.first, b.first) })
	return found, nil
}

// writersOf are the stems of all records that processes wrote beside one another
// under a live file's path, first the path's own.
func writersOf(path string) ([]string, error) {
	stem, ok := strings.CutSuffix(path, liveSuffix)
	if !ok { // a copy, or what Open never cuts into segments
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		return []string{path}, nil
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	numbers := map[int]bool{}
	for _, entry := range entries {
		rest, ok := strings.CutPrefix(entry.Name(), filepath.Base(stem))
		if !ok || !strings.HasSuffix(rest, liveSuffix) {
			continue
		}
		rest = strings.TrimSuffix(rest, liveSuffix)
		if m := segmentName.FindStringSubmatch(entry.Name()); m != nil {
			rest = strings.TrimPrefix(m[1], filepath.Base(stem))
		}
		if rest == "" {
			numbers[1] = true
		} else if n, err := strconv.Atoi(strings.TrimPrefix(rest, ".")); err == nil && rest[0] == '.' && n > 1 {
			numbers[n] = true
		}
	}
	if len(numbers) == 0 {
		return nil, fmt.Errorf("audit: there is no record at %s; a server makes it when it starts: %w", path, os.ErrNotExist)
	}
	var stems []string
	for n := range numbers {
		stems = append(stems, nthStem(stem, n))
	}
	slices.SortFunc(stems, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	return stems, nil
}

// LiveFiles are the live files that the writers of a record can have, there or not.
func LiveFiles(path string) []string {
	stem, ok := strings.CutSuffix(path, liveSuffix)
	if !ok {
		return []string{path}
	}
	files := make([]string, maxWriters)
	for i := range files {
		files[i] = nthStem(stem, i+1) + liveSuffix
	}
	return files
}

// nthStem is the stem of the nth process that writes under one path.
func nthStem(stem string, n int) string {
	if n == 1 {
		return stem
	}
	return fmt.Sprintf("%s.%d", stem, n)
}

// opened is one file of a record while it is read.
type opened struct {
	*os.File
	path string
	size int64 // when it was opened: what is written later is not read
	live bool
}

// openRecord opens all files of one writer's record, oldest first. The live one is
// opened before the others are looked for: one that becomes a segment meanwhile is
// then met twice, not missed, and is left out once.
func openRecord(stem string) (files []opened, err error) {
	defer func() {
		if err != nil {
			closeAll(files)
			files = nil
		}
	}()
	if info, err := os.Stat(stem); err == nil && info.Mode().IsRegular() { // a plain file
		live, err := openPart(stem, true)
		return []opened{live}, err
	}
	live, err := openPart(stem+liveSuffix, true)
	switch {
	case err == nil:
		files = append(files, live)
	case !errors.Is(err, os.ErrNotExist): // which it is between two files
		return nil, err
	}
	segments, err := segmentsOf(stem)
	if err != nil {
		return files, err
	}
	var earlier []opened
	for _, s := range segments {
		part, err := openPart(s.path, false)
		if errors.Is(err, os.ErrNotExist) { // retired since
			continue
		}
		if err != nil {
			closeAll(earlier)
			return files, err
		}
		if len(files) > 0 && sameFile(part.File, live.File) {
			_ = part.Close() // only read
			continue
		}
		earlier = append(earlier, part)
	}
	return append(earlier, files...), nil
}

func openPart(path string, live bool) (opened, error) {
	f, err := os.Open(path)
	if err != nil {
		return opened{}, fmt.Errorf("audit: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return opened{}, errors.Join(fmt.Errorf("audit: %w", err), f.Close())
	}
	return opened{File: f, path: path, size: info.Size(), live: live}, nil
}

func sameFile(a, b *os.File) bool {
	one, err := a.Stat()
	if err != nil {
		return false
	}
	other, err := b.Stat()
	return err == nil && os.SameFile(one, other)
}

func closeAll(files []opened) {
	for _, f := range files {
		_ = f.Close() // only read
	}
}

// errStop ends eachLine without an error.
var errStop = errors.New("audit: enough")

// eachLine calls each for every line of r that is not empty, with its offset. The
// line is good until each returns. A line beyond maxLine is an error.
func eachLine(r io.Reader, each func(offset int64, line []byte) error) error {
	b := bufio.NewReaderSize(r, 128<<10)
	var offset int64
	var long []byte
	for {
		piece, err := b.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, piece...); len(long) > maxLine {
				return fmt.Errorf("audit: the line at byte %d is longer than %d bytes", offset, maxLine)
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("audit: read the event log: %w", err)
		}
		line := piece
		if len(long) > 0 {
			long = append(long, piece...)
			line = long
		}
		length := int64(len(line))
		if text := trimBreak(line); len(text) > 0 {
			if failed := each(offset, text); failed != nil {
				if errors.Is(failed, errStop) {
					return nil
				}
				return failed
			}
		}
		if err != nil {
			return nil //nolint:nilerr // the end
		}
		offset += length
		long = long[:0]
	}
}

func trimBreak(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		return line[:n-1]
	}
	return line
}
