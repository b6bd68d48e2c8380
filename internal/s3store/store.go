// Package s3store is the embedded object store: the S3 server of Versity's
// versitygw on a directory of files, run inside this process as a private
// upstream of the gateway. It listens nowhere: requests are handed to it by calls
// (Target.Transport), signed with a secret that is made anew at each start. It
// knows no other caller than the gateway: who may do what is decided before a
// request comes here.
//
// The store works on paths relative to the process's working directory, and Open
// changes that. So a process has one store at a time, and every other path that
// it uses must be absolute, or opened before.
package s3store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/debuglogger"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"

	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/s3upstream"
)

// ErrOpen says that this process has a store already, or another has this one.
var ErrOpen = errors.New("s3store: a store is open already")

const (
	// Region is the store's; the gateway's own regions are another matter.
	Region = "us-east-1"
	// accessKeyID does not change, since the store writes it into buckets as
	// their owner.
	accessKeyID = "daypass"

	// copyThreshold is the largest source of CopyObject and UploadPartCopy (S3
	// API Reference, CopyObject: up to 5 GB).
	copyThreshold = 5 << 30
	// maxParts is S3's (S3 User Guide, "Multipart upload limits").
	maxParts = 10_000
	// ioBuffer is what the store holds of a body on its way to a file.
	ioBuffer = 128 << 10
	// operations is how many of the store's operations run at once; others wait.
	// It bounds the threads that block in the file system.
	operations = 256
	// connections is how many there may be, and requests at once.
	connections = 4096

	dirMode  = 0o700
	fileMode = 0o600
)

// lacks are the headers that versitygw 1.8.0 does not look at. It keeps objects
// as they come, and has one storage class.
var lacks = map[string]string{
	"X-Amz-Server-Side-Encryption":                                "",
	"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":                 "",
	"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled":             "",
	"X-Amz-Server-Side-Encryption-Context":                        "",
	"X-Amz-Server-Side-Encryption-Customer-Algorithm":             "",
	"X-Amz-Server-Side-Encryption-Customer-Key":                   "",
	"X-Amz-Server-Side-Encryption-Customer-Key-Md5":               "",
	"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm": "",
	"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key":       "",
	"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key-Md5":   "",
	"X-Amz-Storage-Class":                                         "STANDARD",
}

// Config is where a store is.
type Config struct {
	// Dir holds everything: buckets, earlier versions, what was uploaded in part.
	// It is absolute, and is made if it is missing. Its file system tells names
	// apart by case.
	Dir string
	// Loopback has the store listen on a free port of 127.0.0.1 and take requests
	// there, for what measures it by itself. Whoever is on this machine can then
	// connect, and still needs the secret.
	Loopback bool
	// Now is the time, by which objects are locked where their bucket says for how
	// long.
	Now func() time.Time
	// Log hears of the store's coming and going; nil for none. The store itself
	// writes nothing of a request, but what it calls an internal error, to
	// standard error.
	Log *slog.Logger
}

// Store is an open store.
type Store struct {
	target   s3upstream.Target
	server   *s3api.S3ApiServer
	posix    *posix.Posix
	log      *slog.Logger
	served   chan struct{} // closed when the server has ended
	failed   error         // why it ended by itself, then
	closing  atomic.Bool
	lock     *os.File
	direct   *direct // nil: it listens
	buckets  string
	previous string // working directory
	close    sync.Once
	closed   error
}

// opened keeps the promise of one store in a process.
var opened atomic.Bool

// Open opens the store, makes it if there is none, and serves it until Close.
// The context bounds opening. Errors: ErrOpen; ErrFormat for a directory of
// another kind of store; ErrFileSystem for one that cannot keep keys apart; and
// those of the file system.
func Open(ctx context.Context, config Config) (*Store, error) {
	if !canLock {
		return nil, fmt.Errorf("s3store: on this operating system: %w", errors.ErrUnsupported)
	}
	if !filepath.IsAbs(config.Dir) {
		return nil, fmt.Errorf("s3store: the directory %q is not absolute", config.Dir)
	}
	if config.Now == nil {
		return nil, errors.New("s3store: the configuration has no clock")
	}
	if !opened.CompareAndSwap(false, true) {
		return nil, ErrOpen
	}
	s := &Store{log: config.Log, served: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.open(ctx, config); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

// lockStore keeps other processes from the store, until the file is closed.
func lockStore(dir string) (*os.File, error) {
	f, err := durable.TryLock(filepath.Join(dir, "lock"))
	if err == nil && f == nil {
		err = fmt.Errorf("%w: another process has %s", ErrOpen, dir)
	}
	return f, err
}

func (s *Store) open(ctx context.Context, config Config) error {
	dir := config.Dir
	l, err := prepare(dir)
	if err != nil {
		return err
	}
	if s.lock, err = lockStore(dir); err != nil {
		return err
	}
	if s.previous, err = os.Getwd(); err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	s.buckets = l.buckets
	setGlobals()
	storer, err := l.metadata()
	if err != nil {
		return err
	}
	if s.posix, err = newPosix(l, storer); err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	s.target = s3upstream.Target{
		Endpoint:    endpoint,
		Region:      Region,
		Addressing:  s3upstream.PathStyle,
		Credentials: s3upstream.Static(accessKeyID, rand.Text()+rand.Text()),
		Lacks:       lacks,
	}
	backend := newGuarded(s.posix, l, storer, config.Now)
	if err := backend.sweep(); err != nil {
		return err
	}
	if config.Loopback {
		err = s.listen(ctx, backend)
	} else {
		err = s.connect(ctx, backend)
	}
	if err != nil {
		return err
	}
	s.log.Info("s3 store open", "dir", dir, "metadata", l.format)
	return nil
}

// setGlobals sets what versitygw 1.8.0 keeps in its packages: whether names of
// buckets are S3's (s3api/utils, which is the default, said here so that it
// stays), and how much is logged (debuglogger; requests would be printed with
// their headers). Of what else is global there, tables are never written, and
// the drain of s3api/middlewares, one second idle and 256 KiB, cannot be set.
var setGlobals = sync.OnceFunc(func() {
	utils.SetBucketNameValidationStrict(true)
	debuglogger.SetLevel(debuglogger.LevelSilent)
})

// newPosix makes the backend, and changes the working directory with it. It
// prints a line for each directory that it is given; standard output is ours.
func newPosix(l *layout, storer *metadata) (*posix.Posix, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close() //nolint:errcheck // nothing is kept there
	options := posix.PosixOpts{
		VersioningDir:       l.versions,
		SideCarDir:          l.sidecar,
		ValidateBucketNames: true,
		Concurrency:         operations,
		CopyObjectThreshold: copyThreshold,
		IOBufferSize:        ioBuffer,
	}
	options.SetNewDirPerm(dirMode)
	options.SetNewFilePerm(fileMode)
	stdout := os.Stdout
	os.Stdout = null
	defer func() { os.Stdout = stdout }()
	return posix.New(l.buckets, storer, options)
}

// endpoint is the name that requests carry where no name is looked up.
const endpoint = "http://s3store.internal"

// connect makes the server and the way to it.
func (s *Store) connect(ctx context.Context, backend *guarded) error {
	dir, err := os.MkdirTemp("", "daypass-s3-") // mode 0700
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a socket that nobody listens on
	found := make(chan fasthttp.RequestHandler, 1)
	socket := filepath.Join(dir, "s3")
	if err := s.serve(ctx, socket, backend, s3api.WithMiddleware("/", tell(found))); err != nil {
		return err
	}
	s.closing.Store(true)
	handler, err := handlerOf(ctx, s.server, found, socket)
	<-s.served
	s.server = nil // what is left of it is the handler
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	s.direct = &direct{handler: handler, store: s}
	s.target.Transport = s.direct
	return nil
}

// listen serves on a port of loopback. The server wants to listen by itself, so
// the port is free but for whoever takes it in between, which then is an error.
func (s *Store) listen(ctx context.Context, backend *guarded) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	s.target.Endpoint = "http://" + l.Addr().String()
	return s.serve(ctx, l.Addr().String(), backend)
}

// serve starts the server and waits until it listens.
func (s *Store) serve(ctx context.Context, address string, backend *guarded, more ...s3api.Option) error {
	credentials, err := s.target.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	root := auth.Account{Access: credentials.AccessKeyID, Secret: credentials.SecretAccessKey, Role: auth.RoleAdmin}
	listening := make(chan struct{})
	s.server, err = s3api.New(backend, middlewares.RootUserConfig{Access: root.Access, Secret: root.Secret}, Region,
		auth.NewIAMServiceSingle(root), nil, nil, nil, nil, append(more,
			s3api.WithQuiet(),
			s3api.WithKeepAlive(),
			s3api.WithMpMaxParts(maxParts),
			s3api.WithConcurrencyLimiter(connections, connections),
			s3api.WithSocketPerm(fileMode),
			s3api.WithOnListen(sync.OnceFunc(func() { close(listening) })))...)
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	go func() {
		defer close(s.served)
		// When it is shut down, its listener is closed, which it calls an error.
		if err := s.server.ServeMultiPort([]string{address}); !s.closing.Load() {
			s.log.Error("s3 store ends by itself", "err", err)
			s.failed = fmt.Errorf("s3store: the store ends by itself: %w", err)
		}
	}()
	select {
	case <-listening:
		return nil
	case <-s.served:
		return s.failed
	case <-ctx.Done():
		return fmt.Errorf("s3store: %w", ctx.Err())
	}
}

// Target is how the gateway reaches the store.
func (s *Store) Target() s3upstream.Target { return s.target }

// Close lets requests end for ten seconds at most, ends the store, and goes back
// to the working directory from before Open. It may be called again.
func (s *Store) Close() error {
	s.close.Do(func() {
		s.closed = s.release()
		s.log.Info("s3 store closed")
	})
	return s.closed
}

// release gives back whatever Open has taken.
func (s *Store) release() error {
	var errs []error
	if s.server != nil {
		s.closing.Store(true)
		errs = append(errs, s.server.ShutDown())
		<-s.served
	}
	if s.direct != nil {
		errs = append(errs, s.direct.close())
	}
	if s.posix != nil {
		s.posix.Shutdown()
	}
	if now, err := os.Getwd(); err == nil && s.buckets != "" && now == s.buckets {
		errs = append(errs, os.Chdir(s.previous))
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	opened.Store(false)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	return nil
}
