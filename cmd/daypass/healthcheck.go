package main

import (
	"context"
	"fmt"
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

// askReady is an error unless the server behind a URL of /readyz is ready.
func askReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	s, err := askStatus(ctx, strings.TrimSuffix(url, "/readyz"))
	if err != nil {
		return fmt.Errorf("no server says that it is ready: %w; start it with --admin-listen, or name its URL", err)
	}
	if !s.Ready {
		var failed []string
		for _, check := range s.Checks {
			if !check.OK {
				failed = append(failed, check.Name+" "+check.Detail)
			}
		}
		return fmt.Errorf("the server is not ready: %s", printed(strings.Join(failed, "; ")))
	}
	return nil
}
