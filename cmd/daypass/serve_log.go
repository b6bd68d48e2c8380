package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

// logLevels are the levels of a server's log, by their names.
var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "request": server.LevelRequest, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// logLevel is a level as it is written in settings.
func logLevel(name string) (slog.Level, error) {
	level, ok := logLevels[name]
	if !ok {
		return 0, usageError{fmt.Errorf("log level: there is none named %q; write debug, request, info, warn or error", name)}
	}
	return level, nil
}

// logTo makes the log of a server. Handlers of log/slog quote what is no plain word, so
// that no value can end a line or look like another.
func logTo(w io.Writer, format string, level slog.Leveler) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.LevelKey && a.Value.Any() == server.LevelRequest {
			a.Value = slog.StringValue("REQUEST")
		}
		return a
	}}
	switch format {
	case "logfmt":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usageError{fmt.Errorf("log format: there is none named %q; write logfmt or json", format)}
}

// serverLog makes the log of c's server. Where there is a configuration file, the level
// is read from it anew with each SIGHUP until stop is called; without one the signal
// ends the server, as it does when the terminal closes.
func (c *configuration) serverLog(command *cobra.Command, file string) (log *slog.Logger, stop func(), err error) {
	level := new(slog.LevelVar)
	at, err := logLevel(c.LogLevel)
	if err != nil {
		return nil, nil, err
	}
	level.Set(at)
	if log, err = logTo(command.ErrOrStderr(), c.LogFormat, level); err != nil {
		return nil, nil, err
	}
	if file == "" {
		file = os.Getenv(variable("config"))
	}
	if file == "" {
		return log, func() {}, nil
	}
	// The embedded store changes the process's working directory.
	if file, err = filepath.Abs(file); err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	fixed := command.Flags().Changed("log-level") || os.Getenv(variable("log-level")) != ""
	// Until now the signal meant the end, to whoever heard of it.
	signal.Reset(syscall.SIGHUP)
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-signals:
				reloadLevel(log, level, file, fixed)
			case <-done:
				return
			}
		}
	}()
	return log, func() { signal.Stop(signals); close(done) }, nil
}

// reloadLevel sets the level that the file says now. What cannot be read leaves it as
// it is. What became of it is logged whatever the level, since somebody has asked.
func reloadLevel(log *slog.Logger, level *slog.LevelVar, file string, fixed bool) {
	name, err := levelIn(file)
	if err == nil && fixed {
		err = errors.New("--log-level or DAYPASS_LOG_LEVEL was given, and overrides the file")
	}
	var to slog.Level
	if err == nil {
		to, err = logLevel(name)
	}
	if err != nil {
		log.Error("the log level stays as it is", "level", levelName(level.Level()), "error", inWords(err))
		return
	}
	level.Set(min(to, slog.LevelInfo))
	log.Info("the log level was read anew; other settings need a new start", "level", name)
	level.Set(to)
}

// levelIn is the level in a configuration file.
func levelIn(file string) (string, error) {
	c := configuration{LogLevel: "info"}
	err := readConfiguration(&c, file)
	return c.LogLevel, err
}

// levelName is the name of a level in settings.
func levelName(level slog.Level) string {
	for name, is := range logLevels {
		if is == level {
			return name
		}
	}
	return level.String()
}
