// Package process starts a real Daypass, and other processes, for what measures
// them.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/daypass/daypass/internal/sdkhttp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// Account is that of every Daypass that is started.
const Account = "000000000000"

// How long a process may take to end, and Daypass to answer.
const (
	endTimeout   = 10 * time.Second
	readyTimeout = 60 * time.Second
)

// Group is the processes that were started, which end with the context that they
// were started under. The zero value is empty and ready.
type Group struct{ processes []*exec.Cmd }

// Wait joins them; the context must have ended.
func (g *Group) Wait() {
	for _, p := range g.processes {
		_ = p.Wait() // they were told to end
	}
}

// Start starts a process.
func (g *Group) Start(ctx context.Context, stdout io.Writer, name string, args ...string) (*exec.Cmd, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = endTimeout
	c.Stdout = stdout
	if err := c.Start(); err != nil {
		return nil, err
	}
	g.processes = append(g.processes, c)
	return c, nil
}

// StartSelf starts the running program again, with other arguments, and gives the
// first line that it prints.
func (g *Group) StartSelf(ctx context.Context, args ...string) (line string, pid int, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", 0, err
	}
	out, in := io.Pipe()
	c, err := g.Start(ctx, in, self, args...)
	if err != nil {
		return "", 0, err
	}
	line, err = bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), c.Process.Pid, err
}

// tick is the unit of the times in /proc (USER_HZ, which is 100 on all of Linux's
// architectures that Go has).
const tick = 10 * time.Millisecond

// CPUTime is how long a process has been computing, of this and of the system's
// code together (proc_pid_stat(5), utime and stime).
func CPUTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // from the third on
	if len(fields) < 13 {
		return 0, errors.New("the system does not tell the time that a process has computed")
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, err
}

// Daypass is a server that answers.
type Daypass struct {
	Endpoint string // http://host:port
	PID      int
	IAM      *iam.Client // of the administrator
}

// Build builds the daypass of this module into dir and gives its path. The
// working directory must be the module's root.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "daypass")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/daypass")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build daypass (run this from the module's root): %w", err)
	}
	return binary, nil
}

// Serve starts a Daypass on a data directory, with more options of serve or none, and
// waits until it answers.
func (g *Group) Serve(ctx context.Context, binary, data string, options ...string) (*Daypass, error) {
	ready := data + ".ready"
	c, err := g.Start(ctx, nil, binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--account", Account, "--ready-file", ready}, options...)...)
	if err != nil {
		return nil, err
	}
	return Connect(ctx, ready, data, c.Process.Pid)
}

// Connect waits until the Daypass that writes this ready file answers.
func Connect(ctx context.Context, ready, data string, pid int) (*Daypass, error) {
	endpoint, err := waitFor(ctx, ready)
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion("us-east-1"), config.WithBaseEndpoint(endpoint),
		config.WithSharedCredentialsFiles([]string{filepath.Join(data, "credentials")}), config.WithSharedConfigFiles(nil))
	if err != nil {
		return nil, err
	}
	cfg.HTTPClient = sdkhttp.Client{Client: &http.Client{}} // now: the loader takes none of ours where AWS_CA_BUNDLE is set
	return &Daypass{Endpoint: endpoint, PID: pid, IAM: iam.NewFromConfig(cfg)}, nil
}

func waitFor(ctx context.Context, ready string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		if text, err := os.ReadFile(ready); err == nil {
			return strings.TrimSpace(string(text)), nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("daypass did not answer within %v: %w", readyTimeout, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TrustPolicy is a role's trust in the jobs on main of a project of an issuer,
// whose URL is given without its scheme.
func TrustPolicy(issuer, audience, project string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::%s:oidc-provider/%s"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"%s:aud":%q,"%s:sub":"project_path:%s:ref_type:branch:ref:main"}}}]}`,
		Account, issuer, issuer, audience, issuer, project)
}

// CreateRole makes a role with that trust.
func (d *Daypass) CreateRole(ctx context.Context, name, trust string) error {
	_, err := d.IAM.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trust)})
	return err
}
