package s3store

import (
	"os"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
)

// CountSteps has stores that are opened afterwards count the changes of attributes.
func CountSteps() {
	watched = func(m meta.MetadataStorer) meta.MetadataStorer { return killingStorer{m} }
}

// KillAt kills the process before the given change of an attribute of those that
// come, the first is 1. 0 is never.
func KillAt(step int) { killing.left = step }

var killing killer

// killer counts down. One request is at work at a time.
type killer struct{ left int }

func (k *killer) step() {
	if k.left--; k.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

type killingStorer struct{ meta.MetadataStorer }

func (k killingStorer) StoreAttribute(f *os.File, bucket, object, attribute string, value []byte) error {
	killing.step()
	return k.MetadataStorer.StoreAttribute(f, bucket, object, attribute, value)
}

func (k killingStorer) DeleteAttribute(bucket, object, attribute string) error {
	killing.step()
	return k.MetadataStorer.DeleteAttribute(bucket, object, attribute)
}
