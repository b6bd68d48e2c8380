package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/bench/client"
	"github.com/daypass/daypass/bench/process"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	region   = "us-east-1"
	bucket   = "bench"
	roleName = "bench"
)

// permissions are the role's.
const permissions = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"]}]}`

// endpoint is a server of S3 and a key for it.
type endpoint struct {
	name, address string // host:port
	credentials   aws.Credentials
	pid           int
}

// admitted is a Daypass for a role's session, which a job's token was traded for.
func admitted(ctx context.Context, d *process.Daypass, issuer *process.Issuer) (*endpoint, error) {
	if err := d.Admit(ctx, issuer, roleName); err != nil {
		return nil, err
	}
	_, err := d.IAM.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: aws.String(roleName), PolicyName: aws.String("bench"), PolicyDocument: aws.String(permissions),
	})
	if err != nil {
		return nil, err
	}
	token, err := issuer.Token()
	if err != nil {
		return nil, err
	}
	session, err := sts.New(sts.Options{Region: region, BaseEndpoint: aws.String(d.Endpoint)}).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::" + process.Account + ":role/" + roleName), RoleSessionName: aws.String("GitLabRunner-1-1"),
		WebIdentityToken: aws.String(token),
	})
	if err != nil {
		return nil, err
	}
	c := session.Credentials
	return &endpoint{
		name: "daypass", address: strings.TrimPrefix(d.Endpoint, "http://"), pid: d.PID,
		credentials: aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken},
	}, nil
}

// cpu is how long the server and this client have been computing.
func (e *endpoint) cpu() (time.Duration, error) {
	server, err := process.CPUTime(e.pid)
	if err != nil {
		return 0, err
	}
	client, err := process.CPUTime(os.Getpid())
	return server + client, err
}

// load is client.Load, with the time that it took to compute.
func (e *endpoint) load(ctx context.Context, requests []client.Request, duration time.Duration) (client.Round, error) {
	before, err := e.cpu()
	if err != nil {
		return client.Round{}, err
	}
	r, err := client.Server{Address: e.address, Now: time.Now}.Load(ctx, requests, duration)
	if err != nil {
		return r, fmt.Errorf("%s: %w", e.name, err)
	}
	after, err := e.cpu()
	r.CPU = after - before
	return r, err
}

// content is the body of an object of that size. It does not compress, and is the
// same in each run.
func content(size int) []byte {
	b := make([]byte, 0, size+sha256.Size)
	for i := 0; len(b) < size; i++ {
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		b = append(b, sum[:]...)
	}
	return b[:size]
}

// requests are an operation's, signed once for each connection. Connections put
// different objects.
func (e *endpoint) requests(ctx context.Context, op *operation, connections int) ([]client.Request, error) {
	if op.method == http.MethodGet {
		head, err := e.sign(ctx, op.method, op.key, hash(nil), 0, nil)
		return slices.Repeat([]client.Request{{Head: head, Reply: int64(op.size)}}, connections), err
	}
	body := content(op.size)
	sum := hash(body)
	requests := make([]client.Request, connections)
	for i := range requests {
		head, err := e.sign(ctx, op.method, op.key+strconv.Itoa(i), sum, int64(op.size), nil)
		if err != nil {
			return nil, err
		}
		requests[i] = client.Request{Head: head, Body: body, Reply: 0}
	}
	return requests, nil
}

func hash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// sign gives the head of a request, signed as SDKs do it over http: in the
// Authorization header, with the body's hash. It is good for 15 minutes.
func (e *endpoint) sign(ctx context.Context, method, key, payload string, length int64, header http.Header) ([]byte, error) {
	path := "/" + bucket
	if key != "" {
		path += "/" + key
	}
	r := (&http.Request{
		Method: method, Host: e.address, URL: &url.URL{Scheme: "http", Host: e.address, Path: path}, Header: http.Header{}, ContentLength: length,
	}).WithContext(ctx)
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("X-Amz-Content-Sha256", payload)
	if err := v4.NewSigner().SignHTTP(ctx, e.credentials, r, payload, "s3", region, time.Now()); err != nil {
		return nil, err
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, e.address)
	if method == http.MethodPut {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", length)
	}
	if err := r.Header.Write(&head); err != nil {
		return nil, err
	}
	head.WriteString("\r\n")
	return head.Bytes(), nil
}

// fill makes the bucket and what is got from it.
func (e *endpoint) fill(ctx context.Context) error {
	if err := e.put(ctx, "", nil); err != nil {
		return err
	}
	for _, op := range operations {
		if op.method != http.MethodGet {
			continue
		}
		if err := e.put(ctx, op.key, content(op.size)); err != nil {
			return err
		}
	}
	return nil
}

func (e *endpoint) put(ctx context.Context, key string, body []byte) error {
	head, err := e.sign(ctx, http.MethodPut, key, hash(body), int64(len(body)), nil)
	if err != nil {
		return err
	}
	return client.Server{Address: e.address, Now: time.Now}.Once(ctx, client.Request{Head: head, Body: body, Reply: -1})
}
