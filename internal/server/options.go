package server

import (
	"fmt"

	"github.com/daypass/daypass/internal/arn"
)

// OptionError says that an option must change, and not the world.
type OptionError struct{ text string }

func (e *OptionError) Error() string { return e.text }

// optionErrorf makes one.
func optionErrorf(format string, args ...any) error {
	return &OptionError{text: fmt.Sprintf(format, args...)}
}

// CheckAccount refuses, as an *OptionError, what is no account id. "" asks for nothing.
func CheckAccount(account string) error {
	if account == "" || arn.ValidAccount(account) {
		return nil
	}
	return optionErrorf("server: account %q is not 12 digits", account)
}
