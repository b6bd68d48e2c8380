package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// floorReplySize is about what Daypass answers, in bytes.
const floorReplySize = 1500

// serveFloor is the floor: what no server in Go that does this job can go
// below. It reads the same form, verifies the token's one RSA-2048 signature,
// and writes a fixed reply. It parses no JSON, decides nothing, records nothing.
func serveFloor(ctx context.Context, publicKeyFile string) error {
	der, err := os.ReadFile(publicKeyFile)
	if err != nil {
		return err
	}
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		return err
	}
	fixed := []byte(strings.Repeat("x", floorReplySize))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := verifyOnce(key, r.PostForm.Get("WebIdentityToken")); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write(fixed)
	})
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { <-ctx.Done(); _ = s.Close() }()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func verifyOnce(key *rsa.PublicKey, token string) error {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return errors.New("no token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(token[:i]))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
}

// publicDER is what serveFloor reads.
func publicDER(private any) ([]byte, error) {
	key, ok := private.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the issuer's key is %T, not RSA", private)
	}
	return x509.MarshalPKCS1PublicKey(&key.PublicKey), nil
}
