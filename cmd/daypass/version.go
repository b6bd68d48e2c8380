package main

import (
	"fmt"
	"runtime/debug"

	"github.com/daypass/daypass/internal/metrics"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "daypass", version())
			return err
		},
	}
}

// build is what metrics and status tell of the binary.
func build() metrics.Build {
	if info, ok := debug.ReadBuildInfo(); ok {
		return metrics.Build{Version: info.Main.Version, GoVersion: info.GoVersion}
	}
	return metrics.Build{Version: "unknown"}
}

// version is the module's version and the Go version.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version + " " + info.GoVersion
	}
	return "unknown"
}
