package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/daypass/daypass/internal/s3store"
	"github.com/daypass/daypass/internal/s3upstream"
)

// BenchmarkStore asks the store through s3upstream, and in the same run directly,
// with no more than a signature. The metric "ratio" is what a request
// through s3upstream takes to one that goes directly.
func BenchmarkStore(b *testing.B) {
	store, err := s3store.Open(b.Context(), s3store.Config{Dir: b.TempDir(), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	upstream, err := s3upstream.New(store.Target(), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	d := &direct{store.Target(), v4.NewSigner()}
	b.Cleanup(func() {
		upstream.Close()
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	through := func(method, key string, content []byte) error {
		response, err := upstream.Do(b.Context(), &s3upstream.Request{
			Method: method, Bucket: "bench", Key: key, Body: bytes.NewReader(content), Length: int64(len(content)),
		})
		if err != nil {
			return err
		}
		return drain(response.Status, response.Body)
	}
	small, large := make([]byte, 1<<10), make([]byte, 8<<20)
	if err := errors.Join(through("PUT", "", nil), through("PUT", "small", small), through("PUT", "large", large)); err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name, method, key string
		sent, moved       []byte
	}{
		{"GET-1KiB", "GET", "small", nil, small},
		{"GET-8MiB", "GET", "large", nil, large},
		{"PUT-8MiB", "PUT", "put", large, large},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.moved)))
			b.ReportAllocs()
			var directly time.Duration
			for b.Loop() {
				// In turn, so that both have the same machine.
				b.StopTimer()
				start := time.Now()
				if err := d.do(b.Context(), bench.method, bench.key, bench.sent); err != nil {
					b.Fatal(err)
				}
				directly += time.Since(start)
				b.StartTimer()
				if err := through(bench.method, bench.key, bench.sent); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(directly), "ratio")
			b.ReportMetric(float64(directly.Nanoseconds())/float64(b.N), "direct-ns/op")
		})
	}
}

// direct is a request with no more than a signature.
type direct struct {
	target s3upstream.Target
	signer *v4.Signer
}

func (d *direct) do(ctx context.Context, method, key string, content []byte) error {
	request, err := http.NewRequestWithContext(ctx, method, d.target.Endpoint+"/bench/"+key, bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	credentials, err := d.target.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	if err := d.signer.SignHTTP(ctx, credentials, request, "UNSIGNED-PAYLOAD", "s3", d.target.Region, time.Now()); err != nil {
		return err
	}
	response, err := d.target.Transport.RoundTrip(request)
	if err != nil {
		return err
	}
	return drain(response.StatusCode, response.Body)
}

func drain(status int, body io.ReadCloser) error {
	_, err := io.Copy(io.Discard, body)
	if status != http.StatusOK {
		err = errors.Join(err, errors.New(http.StatusText(status)))
	}
	return errors.Join(err, body.Close())
}
