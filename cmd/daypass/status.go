package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/doctor"
	"github.com/daypass/daypass/internal/server"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
)

// statusPatience is how long a node has to tell how it is: its own check of the store
// takes two seconds where that does not answer.
const statusPatience = 10 * time.Second

// maxStatus bounds what is read of an answer.
const maxStatus = 1 << 20

func newStatus() *cobra.Command {
	var data, address, output string
	c := &cobra.Command{
		Use:   "status",
		Short: "Say whether a server is ready, and what keeps it from that",
		Long: `Ask a server on its admin listener whether it is ready to answer requests: its
store, the age of the state that it decides on, the record of requests, its keys.
The listener is found by the file admin.url in the data directory, or named by --url.

Exit status: 0 it is ready; 1 it is not, or no server answers; 2 a wrong call.`,
		Example: `  daypass status --data /var/lib/daypass
  daypass status --url http://127.0.0.1:8351 --output json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return usageError{fmt.Errorf("--output %q is neither text nor json", output)}
			}
			if data != "" && address != "" {
				return usageError{errors.New("give --data or --url, not both")}
			}
			base, err := adminAddress(data, address)
			if err != nil {
				return err
			}
			s, err := askStatus(c.Context(), base)
			if err != nil {
				return err
			}
			return s.print(c.OutOrStdout(), base, output == "json")
		},
	}
	c.Flags().StringVar(&data, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
	c.Flags().StringVar(&address, "url", "", "`URL` of the server's admin listener")
	c.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return c
}

// adminAddress is the URL of the admin listener.
func adminAddress(data, address string) (string, error) {
	if address == "" {
		dir, err := dataDir(data)
		if err != nil {
			return "", err
		}
		return server.AdminURL(dir)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", usageError{errors.New("--url is no URL; write it as http://HOST:PORT")}
	}
	return strings.TrimSuffix(address, "/"), nil
}

// nodeStatus is what /readyz answers.
type nodeStatus struct {
	Ready  bool           `json:"ready"`
	Checks []server.Check `json:"checks"`
}

func askStatus(ctx context.Context, base string) (*nodeStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz?format=json", nil) //nolint:gosec // G704: its own operator names it
	if err != nil {
		return nil, usageError{err}
	}
	// A proxy of the environment knows nothing of a listener on this machine.
	client := &http.Client{Transport: &http.Transport{}}
	response, err := client.Do(request) //nolint:gosec // G704: as above
	if err != nil {
		return nil, fmt.Errorf("no server answers at %s: %w", base, err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxStatus))
	if err != nil {
		return nil, fmt.Errorf("the server at %s broke off: %w", base, err)
	}
	var s nodeStatus
	if err := json.Unmarshal(text, &s); err != nil || len(s.Checks) == 0 || s.Ready != (response.StatusCode == http.StatusOK) {
		return nil, fmt.Errorf("what answers at %s is no admin listener of daypass (status %d)", base, response.StatusCode)
	}
	return &s, nil
}

// print tells a status; the exit code is its verdict.
func (s *nodeStatus) print(w io.Writer, base string, asJSON bool) error {
	if asJSON {
		if err := writeIndented(w, s); err != nil {
			return err
		}
	} else {
		verdict := goodStyle.Render("ready")
		if !s.Ready {
			verdict = badStyle.Render("NOT READY")
		}
		_, _ = lipgloss.Fprintf(w, "%s  %s\n", verdict, dimStyle.Render(base))
		for _, check := range s.Checks {
			l := levels[doctor.OK]
			if !check.OK {
				l = levels[doctor.Error]
			}
			_, _ = lipgloss.Fprintf(w, "%s %-10s %s\n", l.style.Render(l.mark), printed(check.Name), printed(check.Detail))
		}
	}
	if !s.Ready {
		return &exitError{exitFailure}
	}
	return nil
}
