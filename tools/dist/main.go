// Command dist makes what is released: for each system a static binary, in an archive
// with a man page, completions, the list of what it is made of (CycloneDX) and the
// licences of that; and SHA256SUMS. Everything is a function of the commit and of the
// version of Go: who builds the same commit gets the same bytes.
//
//	go run -C tools ./dist -module $PWD -out $PWD/dist [-targets linux/amd64,…]
//	go run -C tools ./dist -module $PWD -check
package main

import (
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const allTargets = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

func main() {
	module := flag.String("module", "..", "directory of the module")
	out := flag.String("out", "dist", "directory to make; what is in it goes")
	targets := flag.String("targets", allTargets, "systems, GOOS/GOARCH with commas")
	check := flag.Bool("check", false, "build this machine's binary in two clones, compare them, and check the licences; make nothing")
	dirty := flag.Bool("dirty", false, "build also what is not committed, whose version says so")
	flag.Parse()
	var err error
	if *check {
		err = checkBuild(*module)
	} else {
		err = release(*module, *out, strings.Split(*targets, ","), *dirty)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// release makes everything in out.
func release(module, out string, targets []string, dirty bool) error {
	changed, err := output(module, "git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" && !dirty {
		return errors.New("there are changes that are not committed, so nobody could build the same; commit them, or give -dirty")
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "daypass-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a temporary directory
	completions, err := shellCompletions(module, work)
	if err != nil {
		return err
	}
	var made *made
	for _, target := range targets {
		fmt.Println("dist:", target)
		if made, err = releaseOne(module, out, work, target, completions); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	if err := writeChart(module, out, made.version, made.fileVersion(), made.time); err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	return writeSums(out)
}

// releaseOne makes the archive of one system, and the list of its parts beside it.
func releaseOne(module, out, work, target string, completions []file) (*made, error) {
	binary, err := build(module, work, target)
	if err != nil {
		return nil, err
	}
	made, err := describe(module, binary)
	if err != nil {
		return nil, err
	}
	if problems := made.licenceProblems(); len(problems) > 0 {
		return nil, fmt.Errorf("licences: %s", strings.Join(problems, "; "))
	}
	sbom, err := made.cyclonedx(target)
	if err != nil {
		return nil, err
	}
	name := "daypass_" + made.fileVersion() + "_" + strings.ReplaceAll(target, "/", "_")
	if err := os.WriteFile(filepath.Join(out, name+".cdx.json"), sbom, 0o644); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	files := []file{{filepath.Base(binary), text, 0o755}, {"daypass.cdx.json", sbom, 0o644}, {"THIRD_PARTY_LICENSES", made.notices(), 0o644}}
	files = append(files, completions...)
	more, err := documents(module, target)
	if err != nil {
		return nil, err
	}
	return made, writeArchive(filepath.Join(out, name), target, made.time, append(files, more...))
}

// build builds one binary, without cgo, paths or anything else of this machine.
func build(module, work, target string) (string, error) {
	system, architecture, ok := strings.Cut(target, "/")
	if !ok {
		return "", fmt.Errorf("%q is not GOOS/GOARCH", target)
	}
	binary := filepath.Join(work, strings.ReplaceAll(target, "/", "-"), "daypass")
	if system == "windows" {
		binary += ".exe"
	}
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w -buildid=", "-o", binary, "./cmd/daypass")
	c.Dir = module
	// What a machine sets for itself must not change what is built.
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture, "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOWORK=off")
	c.Stderr = os.Stderr
	return binary, c.Run()
}

// checkBuild builds in two clones with different paths and compares the bytes.
func checkBuild(module string) error {
	work, err := os.MkdirTemp("", "daypass-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a temporary directory
	target := runtime.GOOS + "/" + runtime.GOARCH
	var texts [2]string
	var binary string
	for i, name := range []string{"one", "another/place"} {
		clone := filepath.Join(work, name)
		if _, err := output(module, "git", "clone", "-q", "--no-local", module, clone); err != nil {
			return err
		}
		if binary, err = build(clone, filepath.Join(work, fmt.Sprint("built", i)), target); err != nil {
			return err
		}
		text, err := os.ReadFile(binary)
		if err != nil {
			return err
		}
		texts[i] = string(text)
		if strings.Contains(texts[i], work) {
			return fmt.Errorf("the binary has the path of the directory in it that it was built in")
		}
	}
	if texts[0] != texts[1] {
		return errors.New("two builds of one commit, in two directories, differ")
	}
	made, err := describe(module, binary)
	if err != nil {
		return err
	}
	if problems := made.licenceProblems(); len(problems) > 0 {
		return fmt.Errorf("licences: %s", strings.Join(problems, "; "))
	}
	if _, err := made.cyclonedx(target); err != nil {
		return err
	}
	fmt.Printf("dist: %s %s, the same from two directories; %d modules, whose licences are %s\n", target, made.version, len(made.modules), made.licences())
	return nil
}

// shellCompletions has this machine's daypass write them.
func shellCompletions(module, work string) ([]file, error) {
	binary, err := build(module, filepath.Join(work, "host"), runtime.GOOS+"/"+runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	var files []file
	for shell, name := range map[string]string{"bash": "daypass.bash", "zsh": "_daypass", "fish": "daypass.fish", "powershell": "daypass.ps1"} {
		text, err := exec.Command(binary, "completion", shell).Output()
		if err != nil {
			return nil, fmt.Errorf("completion for %s: %w", shell, err)
		}
		files = append(files, file{"completions/" + name, text, 0o644})
	}
	return files, nil
}

func output(dir, name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Stderr = os.Stderr
	text, err := c.Output()
	return strings.TrimSpace(string(text)), err
}

// module is one that the binary is made of.
type dependency struct {
	path, version, sum string
	licences           []string // of SPDX's names
	texts              []file   // licences and notices
}

// made is what a binary is made of, as it says itself.
type made struct {
	version, goVersion, revision string
	time                         time.Time // of the commit
	modules                      []dependency
}

// describe reads the module list out of the binary, not out of go.mod: what is not
// linked is not there.
func describe(module, binary string) (*made, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	m := &made{version: info.Main.Version, goVersion: info.GoVersion}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.time":
			if m.time, err = time.Parse(time.RFC3339, s.Value); err != nil {
				return nil, err
			}
		case "vcs.revision":
			m.revision = s.Value
		}
	}
	if m.time.IsZero() || m.revision == "" {
		return nil, errors.New("the binary does not say which commit it is of")
	}
	for _, d := range info.Deps {
		if d.Replace != nil {
			return nil, fmt.Errorf("%s is replaced", d.Path)
		}
		dep := dependency{path: d.Path, version: d.Version, sum: d.Sum}
		if err := dep.readLicences(module); err != nil {
			return nil, err
		}
		m.modules = append(m.modules, dep)
	}
	goRoot, err := output(module, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	std := dependency{path: "std", version: strings.TrimPrefix(m.goVersion, "go")}
	if err := std.readLicencesIn(goRoot); err != nil {
		return nil, err
	}
	m.modules = append(m.modules, std)
	return m, nil
}

// fileVersion is the version as names of files have it.
func (m *made) fileVersion() string { return strings.ReplaceAll(m.version, "+", "_") }
