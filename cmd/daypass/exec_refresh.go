package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/client"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// runRefreshed runs a program beside an endpoint on loopback that gives it
// credentials for as long as it lasts. The first are got before it starts: where
// there are none it is not run.
func runRefreshed(c *cobra.Command, x *client.Exchange, path string, args, settings []string) error {
	source := &client.Refreshing{Source: x, Early: client.EndpointEarly, Now: time.Now, Sleep: sleep}
	given, err := source.Credentials(c.Context())
	if err != nil {
		return failed(c, err)
	}
	mask(c, x.Env, given)
	ctx := context.WithoutCancel(c.Context()) // the program says when it is over
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	endpoint, err := client.NewEndpoint(source, listener.Addr().String())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: endpoint, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	running, stop := context.WithCancel(ctx)
	refreshed := make(chan struct{})
	go func() { defer close(refreshed); source.Run(running) }()
	defer func() {
		stop()
		_ = server.Close()
		<-served
		<-refreshed
	}()
	environ, removed := endpoint.Environ(append(os.Environ(), settings...))
	tellRemoved(c, removed)
	return runBeside(c, path, args, environ)
}

// runBeside runs a program with this process's streams, hands on the signals that
// this process gets, and ends as it does.
func runBeside(c *cobra.Command, path string, args, environ []string) error {
	program := exec.Command(path, args[1:]...) //nolint:noctx // it gets the signals itself
	program.Args[0], program.Env = args[0], environ
	program.Stdin, program.Stdout, program.Stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, handedOn(isTerminal(program.Stdin))...)
	defer signal.Stop(signals)
	if err := program.Start(); err != nil {
		return cannotRun(args[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = program.Process.Signal(s) // it may have ended
		case err := <-ended:
			return endOf(err)
		}
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// endOf is the exit code of a program that has ended.
func endOf(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &exit):
		return err
	case exit.ExitCode() >= 0:
		return &exitError{exit.ExitCode()}
	}
	return &exitError{128 + signalOf(exit)}
}

func tellRemoved(c *cobra.Command, removed []string) {
	if len(removed) > 0 {
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "daypass: taken out of the command's environment: %s\n", strings.Join(removed, ", "))
	}
}
