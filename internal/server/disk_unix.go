//go:build linux || darwin

package server

import "syscall"

// freeBytes is how much the file system of a directory takes more from who is not
// root; -1 where that is not known.
func freeBytes(dir string) int64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize) //nolint:unconvert // types differ between systems; no disk has 8 EiB
}
