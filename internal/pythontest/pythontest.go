// Package pythontest finds programs that are written in Python for tests that call them
// hundreds of times. Where a version manager such as pyenv is installed, what is on PATH
// is its launcher, which takes longer than half of what the aws CLI takes.
package pythontest

import (
	"os/exec"
	"path/filepath"
	"strings"
)

// Interpreter gives the interpreter that a launcher of it, such as python3, calls in the
// end; the launcher itself where it does not say.
func Interpreter(launcher string) string {
	if path := said(launcher, "import sys; print(sys.executable)"); filepath.IsAbs(path) {
		return path
	}
	return launcher
}

// Program gives the file of a program of the interpreter on PATH, where that is what path
// calls: both tell the same of their version. Otherwise it is path.
func Program(path string) string {
	folder := said("python3", "import sysconfig; print(sysconfig.get_path('scripts'))")
	direct := filepath.Join(folder, filepath.Base(path))
	if !filepath.IsAbs(direct) {
		return path
	}
	wanted, err := exec.Command(path, "--version").CombinedOutput()
	if err != nil {
		return path
	}
	if got, err := exec.Command(direct, "--version").CombinedOutput(); err != nil || string(got) != string(wanted) {
		return path
	}
	return direct
}

func said(python, program string) string {
	out, err := exec.Command(python, "-c", program).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
