// Package floors_test keeps the plan of the house: which package stands on
// which, where clocks and exits may be, how large things may grow, and that no
// fuzz target is forgotten. It reads the source text of the whole module, files
// for other systems included, and needs no network.
package floors_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// floors says which packages there are, on which floor, and what each may
// import: packages of ours, and modules of others. It is a statement of policy.
//
// DO NOT CHANGE THIS DATA TO FIX A BUILD. An import that is refused here is in
// the wrong place; move the code, or pass a value or an interface down. Change
// the data when the plan changes, in a commit that says why.
//
// A line is "package: what it may import". A package may name only packages
// above it in this text that stand on a lower floor or, where a line says so,
// on its own; rooms name no other room. "module PATH" allows the packages of
// that module. The standard library is allowed, save what forbidden says.
// Packages whose name ends in "test" serve tests: only they import testing, and
// no line names them.
const floors = `
floor 0 pure
	arn:
	sigv4:
	oidc: module github.com/go-jose/go-jose/v4
	idtoken:
	outbound: module github.com/go-jose/go-jose/v4
	strictyaml: module go.yaml.in/yaml/v4
	managedpolicy: arn
	policy: arn
	s3request: arn policy
	awsrequest: arn policy
	session: arn, module github.com/tink-crypto/tink-go/v2
	trust: arn policy oidc
	unverified: oidc
	explain: arn policy oidc trust unverified, module github.com/rogpeppe/go-internal
	lint: arn policy trust
	workflow: module go.yaml.in/yaml/v4
	lint/source: arn lint, module go.yaml.in/yaml/v4
	publish/ledger: oidc
	publish/bucket: policy

floor 1 utility
	examples/tutorial:
	goldentest: module github.com/google/go-cmp
	durable:
	backup: module filippo.io/age
	runner/workspace:
	sdkhttp:
	ratelimit: module golang.org/x/time
	masterkey: durable, module github.com/tink-crypto/tink-go/v2
	audit: durable policy
	audit/sink: durable audit, module github.com/aws/aws-sdk-go-v2
	tracing: audit, module go.opentelemetry.io/otel, module go.opentelemetry.io/otel/sdk, module go.opentelemetry.io/otel/trace, module go.opentelemetry.io/proto/slim/otlp, module google.golang.org/protobuf
	jwks: oidc tracing, module golang.org/x/sync
	metrics: audit tracing jwks, module github.com/prometheus/client_golang
	s3upstream: sigv4 tracing, module github.com/aws/aws-sdk-go-v2
	s3store: durable s3upstream, module github.com/versity/versitygw, module github.com/gofiber/fiber/v3, module github.com/valyala/fasthttp, module github.com/aws/aws-sdk-go-v2
	store:
	pgcluster:
	pythontest:
	peers: store
	store/sqlstore: store, module github.com/pressly/goose/v3, module modernc.org/sqlite, module github.com/jackc/pgx/v5
	store/storetest: store, module pgregory.net/rapid, module github.com/google/go-cmp
	masterkey/kms: module github.com/tink-crypto/tink-go/v2, module github.com/aws/aws-sdk-go-v2
	directory: arn policy managedpolicy session outbound store tracing, module github.com/hashicorp/go-immutable-radix/v2, module github.com/maypok86/otter/v2
	lastuse: store directory
	rotation: session outbound masterkey store directory
	account: arn store directory
	archive: arn durable store account

floor 2 door
	auth: arn policy session sigv4 store directory
	awsapi: arn policy session sigv4 audit tracing directory lastuse auth, module github.com/google/uuid
	awsapi/awsapitest: session sigv4 sdkhttp masterkey audit store store/sqlstore directory lastuse auth awsapi, module github.com/aws/aws-sdk-go-v2

floor 3 rooms
	sts: arn policy session oidc trust outbound ratelimit audit jwks store directory auth awsapi, module github.com/google/uuid
	revocation: arn session store directory awsapi, module github.com/google/uuid
	analyzer: arn policy trust explain lint unverified oidc audit jwks metrics peers directory auth awsapi
	iam: arn policy session trust lint oidc outbound jwks store directory account auth awsapi, module github.com/google/uuid
	secretsmanager: arn policy store directory auth awsapi, module github.com/google/uuid
	upstream: policy sigv4 awsrequest outbound directory s3upstream auth awsapi, module github.com/google/uuid, module github.com/aws/aws-sdk-go-v2
	s3: policy sigv4 s3request store directory s3upstream auth awsapi
	gitlab/ci: module go.yaml.in/yaml/v4
	gitlab: idtoken gitlab/ci, module github.com/go-jose/go-jose/v4, module github.com/google/uuid
	gitlab/instance: durable gitlab

floor 4 roof
	console: ratelimit awsapi, module github.com/aws/aws-sdk-go-v2, module golang.org/x/oauth2
	doctor: arn policy trust oidc unverified jwks store account archive
	server: arn policy session trust oidc outbound durable ratelimit backup masterkey masterkey/kms rotation audit audit/sink tracing jwks metrics store store/sqlstore peers directory lastuse account archive auth awsapi s3store s3upstream s3 upstream sts iam revocation secretsmanager console doctor analyzer, module golang.org/x/crypto, module golang.org/x/net
	publish: oidc durable jwks publish/ledger publish/bucket doctor, module github.com/aws/aws-sdk-go-v2, module github.com/aws/smithy-go, module github.com/prometheus/client_golang
	suite: arn policy session trust explain strictyaml store directory auth sts, module go.yaml.in/yaml/v4
	client: durable, module github.com/aws/aws-sdk-go-v2, module github.com/aws/smithy-go
	runner: gitlab/ci runner/workspace
	runner/pipeline: gitlab/ci runner runner/workspace
	bench/process: sdkhttp gitlab gitlab/ci gitlab/instance, module github.com/aws/aws-sdk-go-v2
	bench/client:

floor 5 commands
	cmd/daypass: ratelimit backup metrics tracing audit/sink sdkhttp publish publish/ledger publish/bucket audit client lint lint/source workflow strictyaml suite account managedpolicy store arn explain oidc policy archive examples/tutorial upstream s3upstream durable jwks rotation server doctor idtoken runner runner/workspace runner/pipeline gitlab gitlab/ci gitlab/instance, module go.yaml.in/yaml/v4, module github.com/spf13/cobra, module charm.land/lipgloss/v2, module golang.org/x/term, module github.com/aws/aws-sdk-go-v2, module github.com/aws/smithy-go
	bench/load: bench/client bench/process pgcluster
	bench/s3: s3store s3upstream server bench/client bench/process sdkhttp, module github.com/aws/aws-sdk-go-v2
	bench/scale: bench/process store store/sqlstore, module github.com/aws/aws-sdk-go-v2
	bench/audit: audit
	bench/start: bench/process
`

// Floors with a rule of their own.
const (
	floorPure     = 0
	floorRooms    = 3
	floorCommands = 5
)

// forbidden says what packages of a pure floor may not import: what does I/O,
// holds a clock or randomness, or hears of requests. A name ending in "/" is
// all below it.
var forbidden = []string{
	"context", "crypto/rand", "database/", "io/ioutil", "log", "log/", "math/rand", "math/rand/",
	"net", "net/http", "net/http/", "net/mail", "net/rpc", "net/rpc/", "net/smtp", "net/textproto",
	"os", "os/", "plugin", "runtime/", "syscall", "testing", "testing/", "unsafe",
}

// clocks and exits are the names that only a command may use. What measures
// against the present reads the clock as well.
var (
	clocks = []string{"time.Now", "time.Since", "time.Until"}
	exits  = []string{"os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "syscall.Exit"}
	// waits are refused on the pure floor, on top of those.
	waits = []string{"time.After", "time.AfterFunc", "time.NewTicker", "time.NewTimer", "time.Sleep", "time.Tick"}
)

// room is a package as the floors have it.
type room struct {
	floor   int
	may     []string // packages of ours, as in the text
	modules []string
}

// parseFloors reads the text. It refuses what the text may not say.
func parseFloors(text string) (map[string]room, error) {
	rooms := map[string]room{}
	floor := -1
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if header, ok := strings.CutPrefix(line, "floor "); ok {
			number, _, _ := strings.Cut(header, " ")
			if number != fmt.Sprint(floor+1) {
				return nil, fmt.Errorf("line %d: floor %s after floor %d", n, number, floor)
			}
			floor++
			continue
		}
		name, list, ok := strings.Cut(line, ":")
		if !ok || floor < 0 {
			return nil, fmt.Errorf("line %d: %q is neither a floor nor a package", n, line)
		}
		if _, twice := rooms[name]; twice {
			return nil, fmt.Errorf("line %d: %s is listed twice", n, name)
		}
		r := room{floor: floor}
		for part := range strings.SplitSeq(list, ",") {
			part = strings.TrimSpace(part)
			if module, ok := strings.CutPrefix(part, "module "); ok {
				r.modules = append(r.modules, module)
				continue
			}
			for _, lower := range strings.Fields(part) {
				below, ok := rooms[lower]
				switch {
				case !ok:
					return nil, fmt.Errorf("line %d: %s names %s, which is not above it", n, name, lower)
				case strings.HasSuffix(lower, "test"):
					return nil, fmt.Errorf("line %d: %s names %s, which serves tests", n, name, lower)
				case floor == floorRooms && below.floor == floorRooms && family(name) != family(lower):
					return nil, fmt.Errorf("line %d: room %s names room %s", n, name, lower)
				case floor == floorCommands && below.floor == floorCommands:
					return nil, fmt.Errorf("line %d: command %s names command %s", n, name, lower)
				}
				r.may = append(r.may, lower)
			}
		}
		rooms[name] = r
	}
	return rooms, nil
}

// family is the first element of a package's name: gitlab of gitlab/ci.
func family(name string) string {
	first, _, _ := strings.Cut(name, "/")
	return first
}

func TestFloors(t *testing.T) {
	t.Parallel()
	rooms, err := parseFloors(floors)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range moduleFiles(t) {
		if f.test {
			continue
		}
		name := f.room()
		r, listed := rooms[name]
		if !listed && !found[name] {
			t.Errorf("%s is on no floor: list it in floors, where the plan has a place for it", f.dir)
		}
		found[name] = true
		if !listed {
			continue
		}
		for _, problem := range f.checkFloor(r) {
			t.Error(problem)
		}
	}
	for name := range rooms {
		if !found[name] {
			t.Errorf("%s is listed in floors and does not exist", name)
		}
	}
}

// checkFloor says what in a file its floor does not allow.
func (f *sourceFile) checkFloor(r room) []string {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, path := range f.imports {
		switch of, ours := strings.CutPrefix(path, modulePath+"/"); {
		case path == "C":
			add("%s imports C: the binary is built without a C compiler", f.path)
		case path == "testing" && !strings.HasSuffix(f.dir, "test"):
			add("%s imports testing, which is for packages that serve tests", f.path)
		case ours:
			if !slices.Contains(r.may, roomOf(of)) {
				add("%s imports %s, which its floor does not allow", f.path, of)
			}
		case !strings.Contains(family(path), "."): // the standard library
			if r.floor == floorPure && slices.ContainsFunc(forbidden, func(p string) bool { return covers(p, path) }) {
				add("%s imports %s: a pure package does no I/O, holds no clock, randomness or context, and does not log", f.path, path)
			}
		default:
			if !slices.ContainsFunc(r.modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") }) {
				add("%s imports %s, a module that its line does not allow", f.path, path)
			}
		}
	}
	if r.floor == floorPure {
		for _, position := range f.goStatements() {
			add("%s: a go statement in a pure package", position)
		}
		for _, use := range f.uses(waits) {
			add("%s in a pure package", use)
		}
	}
	if r.floor == floorCommands {
		return problems
	}
	for _, use := range f.uses(clocks) {
		add("%s: only a command reads the clock; take the time, or Now func() time.Time, from the caller", use)
	}
	for _, use := range f.uses(exits) {
		add("%s: only a command exits; return an error", use)
	}
	return problems
}

// covers says whether pattern p of forbidden is about path.
func covers(p, path string) bool {
	return p == path || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)
}

// TestFloorsSeeWhatTheyForbid gives the checks a package of each fault.
func TestFloorsSeeWhatTheyForbid(t *testing.T) {
	t.Parallel()
	pure, utility, command := room{floor: floorPure}, room{floor: 1, may: []string{"arn"}, modules: []string{"example.com/m"}}, room{floor: floorCommands}
	tests := []struct {
		name   string
		room   room
		source string
		want   string // in the one problem; "" for none
	}{
		{"clean", pure, `import ("strings"; "net/url"; "time"); var d = time.Second`, ""},
		{"allowed", utility, `import ("os"; "` + modulePath + `/internal/arn"; "example.com/m/sub")`, ""},
		{"upwards", utility, `import "` + modulePath + `/internal/server"`, "imports internal/server, which"},
		{"a module", utility, `import "example.com/mm"`, "imports example.com/mm, a module"},
		{"testing", utility, `import "testing"`, "imports testing, which"},
		{"C", utility, `import "C"`, "imports C"},
		{"network", pure, `import "net"`, "imports net:"},
		{"below a forbidden name", pure, `import _ "log/slog"`, "imports log/slog:"},
		{"goroutine", pure, `func f() { go f() }`, "x.go:1:23: a go statement"},
		{"wait", pure, `import "time"; var _ = time.After`, "time.After in a pure package"},
		{"clock", utility, `import "time"; var now = time.Now`, "x.go:1:37: time.Now: only a command"},
		{"clock, renamed", utility, `import chronos "time"; func f() { chronos.Since(chronos.Time{}) }`, "time.Since: only"},
		{"clock, dot", utility, `import . "time"; var _ = Now()`, "time.Now: only"},
		{"another's Now", utility, `type c struct{ Now int }; func f(time c) int { return time.Now }`, ""},
		{"exit", utility, `import "os"; func f() { os.Exit(1) }`, "os.Exit: only a command exits"},
		{"a command", command, `import ("os"; "time"); func f() { time.Now(); os.Exit(1) }`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := parseSource(t, "internal/x/x.go", []byte("package x; "+tt.source))
			problems := f.checkFloor(tt.room)
			switch {
			case tt.want == "" && len(problems) > 0:
				t.Errorf("problems: %q", problems)
			case tt.want != "" && (len(problems) != 1 || !strings.Contains(problems[0], tt.want)):
				t.Errorf("problems are %q, want one with %q", problems, tt.want)
			}
		})
	}
}

// TestFloorsText gives parseFloors a text of each fault.
func TestFloorsText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"floor 0 a\nx: y": "x names y, which is not above it",
		"floor 0 a\nfloor 1 b\ny:\nfloor 2 c\nx: y z\nz:": "x names z, which is not above it",
		"floor 0 a\nx: x":             "x names x, which is not above it",
		"floor 0 a\nx:\nx:":           "x is listed twice",
		"floor 0 a\nxtest:\ny: xtest": "y names xtest, which serves tests",
		"floor 1 a":                   "floor 1 after floor -1",
		"x:":                          "neither a floor nor a package",
		"floor 0 a\nx":                "neither a floor nor a package",
		"floor 0 a\nfloor 1 b\nfloor 2 c\nfloor 3 d\nsts:\niam: sts": "room iam names room sts",
	} {
		if _, err := parseFloors(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseFloors(%q): %v, want %q", text, err, want)
		}
	}
	rooms, err := parseFloors("floor 0 a\nx:\ny: x, module m.example/m, module n.example")
	if err != nil || len(rooms) != 2 || !slices.Equal(rooms["y"].may, []string{"x"}) || len(rooms["y"].modules) != 2 {
		t.Errorf("parseFloors: %v, %v", rooms, err)
	}
}
