package audit

import (
	"io"
	"path/filepath"
)

// Copy gives the files of a record, of all its writers, as they are now, each with its
// name and size; what is written meanwhile is not in them. Of an event that is being
// written the last may have a part, which Verify tells and Open ends.
func Copy(path string, each func(name string, size int64, file io.Reader) error) error {
	stems, err := writersOf(path)
	if err != nil {
		return err
	}
	for _, stem := range stems {
		if err := copyWriter(stem, each); err != nil {
			return err
		}
	}
	return nil
}

func copyWriter(stem string, each func(string, int64, io.Reader) error) error {
	files, err := openRecord(stem)
	if err != nil {
		return err
	}
	defer closeAll(files)
	for _, f := range files {
		if err := each(filepath.Base(f.path), f.size, io.NewSectionReader(f, 0, f.size)); err != nil {
			return err
		}
	}
	return nil
}
