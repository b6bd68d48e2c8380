// Package kms has the key management systems that can encrypt the master key's
// set where it lies, behind Tink's interface for them (registry.KMSClient): AWS
// KMS, and any other by a command.
package kms

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	execPrefix = "exec:"
	// patience is how long a KMS may take. It is asked when a server starts, and
	// when the key set changes.
	patience = 30 * time.Second
	// maxSaid bounds what is repeated of a command's standard error, in bytes.
	maxSaid = 500
)

// Exec is the KMS that a command asks: "exec:/PATH/TO/COMMAND". The command is
// called with one argument, encrypt or decrypt, gets the bytes on its standard
// input, and writes the result, and nothing else, to its standard output. It must
// authenticate what it decrypts, as every KMS does.
type Exec struct{}

// Supported implements registry.KMSClient.
func (Exec) Supported(uri string) bool { return strings.HasPrefix(uri, execPrefix) }

// GetAEAD implements registry.KMSClient. The path must be absolute: which command
// has the master key must not depend on a working directory.
func (Exec) GetAEAD(uri string) (tink.AEAD, error) {
	path := strings.TrimPrefix(uri, execPrefix)
	if !filepath.IsAbs(path) {
		return nil, errors.New("kms: name the command by its absolute path, exec:/PATH/TO/COMMAND, without arguments")
	}
	return command(path), nil
}

type command string

// Encrypt puts a hash of the associated data before the text: commands know of
// none.
func (c command) Encrypt(plain, associated []byte) ([]byte, error) {
	sum := sha256.Sum256(associated)
	return c.run("encrypt", append(sum[:], plain...))
}

// Decrypt is the inverse of Encrypt.
func (c command) Decrypt(encrypted, associated []byte) ([]byte, error) {
	plain, err := c.run("decrypt", encrypted)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(associated)
	if len(plain) < len(sum) || subtle.ConstantTimeCompare(plain[:len(sum)], sum[:]) != 1 {
		return nil, fmt.Errorf("kms: %s decrypt gave something else than was encrypted", string(c))
	}
	return plain[len(sum):], nil
}

// run calls the command. What it wrote to standard error is told, what it wrote to
// standard output never.
func (c command) run(verb string, in []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	x := exec.CommandContext(ctx, string(c), verb)
	var out, said bytes.Buffer
	x.Stdin, x.Stdout, x.Stderr, x.WaitDelay = bytes.NewReader(in), &out, &said, time.Second
	err := x.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("kms: %s %s took longer than %v", string(c), verb, patience)
	case err != nil:
		text := strings.TrimSpace(string(said.Bytes()[:min(said.Len(), maxSaid)]))
		return nil, fmt.Errorf("kms: %s %s: %w: %q", string(c), verb, err, text)
	case out.Len() == 0:
		return nil, fmt.Errorf("kms: %s %s gave nothing", string(c), verb)
	}
	return out.Bytes(), nil
}
