package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthPatience is how long a server may take to say that it is ready.
const healthPatience = 2 * time.Second

func newHealthcheck() *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck [URL]",
		Short: "Ask a server on this machine whether it is ready: for containers, which have no curl",
		Long: `Ask a server whether it is ready, and end with 0 only if it is. The URL is by default
/readyz at the address that DAYPASS_ADMIN_LISTEN names, or http://127.0.0.1:8351/readyz.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("name one URL; see \"%s --help\"", c.CommandPath())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			url := "http://127.0.0.1:8351/readyz"
			if listen := os.Getenv("DAYPASS_ADMIN_LISTEN"); listen != "" {
				url = "http://" + listen + "/readyz"
			}
			if len(args) == 1 {
				url = args[0]
			}
			return askReady(c.Context(), url)
		},
	}
}

func askReady(ctx context.Context, url string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil) //nolint:gosec // G704: its own operator names it
	if err != nil {
		return usageError{fmt.Errorf("%q is no URL", url)}
	}
	// It is on this machine; a proxy of the environment knows nothing of it.
	client := &http.Client{Transport: &http.Transport{}}
	response, err := client.Do(request) //nolint:gosec // G704: as above
	if err != nil {
		return fmt.Errorf("no server says that it is ready: %w; start it with --admin-listen, or name its URL", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return fmt.Errorf("no server says that it is ready: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not ready (%s): %s", response.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
