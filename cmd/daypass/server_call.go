package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/spf13/cobra"
)

// service is what is called: as signatures name it, and in which version.
type service struct{ name, version string }

var (
	ownService = service{"daypass", "2026-11-26"}
	iamService = service{"iam", "2010-05-08"}
)

const (
	callTimeout   = 30 * time.Second
	maxReply      = 64 << 20 // bytes
	defaultRegion = "us-east-1"
)

// callerHelp is the end of the help of what calls a server.
const callerHelp = `
The server is that of --endpoint-url or AWS_ENDPOINT_URL; the caller is whom the
environment or a profile names to the aws CLI. The administrator is in the file
"credentials" of the server's data: AWS_SHARED_CREDENTIALS_FILE=DIR/credentials.`

// serverFlags say which server is called, and by whom.
type serverFlags struct{ endpoint, profile string }

func (s *serverFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.endpoint, "endpoint-url", "", "the server's `URL` (default: that of AWS_ENDPOINT_URL or the profile)")
	f.StringVar(&s.profile, "profile", "", "the `NAME` of a profile in the files of the aws CLI")
}

// load reads what the SDK reads, and settles on an endpoint and a region.
func (s *serverFlags) load(ctx context.Context, command *cobra.Command) (aws.Config, error) {
	for flag, value := range map[string]string{"endpoint-url": s.endpoint, "profile": s.profile} {
		if command.Flags().Changed(flag) && value == "" {
			return aws.Config{}, usageError{fmt.Errorf("--%s is empty; give it a value or leave it out", flag)}
		}
	}
	options := []func(*config.LoadOptions) error{
		config.WithDefaultRegion(defaultRegion), config.WithHTTPClient(awshttp.NewBuildableClient()), // to which AWS_CA_BUNDLE is added
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled), // what AWS gives to a machine of its own is nobody here
	}
	if s.profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.profile))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return c, fmt.Errorf("read the settings of the aws CLI: %w", err)
	}
	if s.endpoint == "" && c.BaseEndpoint != nil {
		s.endpoint = *c.BaseEndpoint
	}
	if s.endpoint == "" {
		return c, usageError{errors.New("which server? Give --endpoint-url or set AWS_ENDPOINT_URL")}
	}
	u, err := url.Parse(s.endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return c, usageError{errors.New("the endpoint is no URL of a server; write it as https://HOST:PORT")}
	}
	return c, nil
}

// call has the server carry out an operation of its own service, and reads the
// reply's XML into reply, if not nil. It does not try again: the caller can see
// whether what failed took place.
func (s *serverFlags) call(command *cobra.Command, operation string, parameters url.Values, reply any) error {
	return s.callService(command, ownService, operation, parameters, reply)
}

// callService is call for an operation of another service.
func (s *serverFlags) callService(command *cobra.Command, of service, operation string, parameters url.Values, reply any) error {
	ctx, cancel := context.WithTimeout(command.Context(), callTimeout)
	defer cancel()
	c, err := s.load(ctx, command)
	if err != nil {
		return err
	}
	request, err := s.request(ctx, &c, of, operation, parameters)
	if err != nil {
		return err
	}
	response, err := c.HTTPClient.Do(request)
	if err != nil {
		return s.unreachable(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return s.unreachable(err)
	}
	if response.StatusCode != http.StatusOK {
		return s.refused(of.name+":"+operation, response.StatusCode, body)
	}
	if root := rootOf(body); root != operation+"Response" {
		return fmt.Errorf("%s does not answer as Daypass does; is it the server's endpoint?", s.endpoint)
	}
	if reply == nil {
		return nil
	}
	if err := xml.Unmarshal(body, reply); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return nil
}

// request is the signed request.
func (s *serverFlags) request(ctx context.Context, c *aws.Config, of service, operation string, parameters url.Values) (*http.Request, error) {
	credentials, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		cause := ": " + err.Error()
		if strings.Contains(cause, "ec2imds") { // the last that is asked: there are none anywhere
			cause = ""
		}
		return nil, errors.New("who is calling? Set AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, " +
			"or AWS_SHARED_CREDENTIALS_FILE to \"credentials\" in the server's data" + cause)
	}
	v := url.Values{"Action": {operation}, "Version": {of.version}}
	for name := range parameters {
		v.Set(name, parameters.Get(name))
	}
	body := v.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(s.endpoint, "/")+"/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sum := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), of.name, c.Region, time.Now())
	return request, err
}

// rootOf is the name of a document's root element; "" if it is no XML.
func rootOf(body []byte) string {
	var root struct{ XMLName xml.Name }
	if err := xml.Unmarshal(body, &root); err != nil {
		return ""
	}
	return root.XMLName.Local
}

// unreachable is the error of a server that gave no answer, with what helps.
func (s *serverFlags) unreachable(err error) error {
	var dial *net.OpError
	var unknown x509.UnknownAuthorityError
	help := ""
	switch {
	case errors.As(err, &unknown):
		help = "; name the authority of its certificate in AWS_CA_BUNDLE"
	case errors.As(err, &dial) && dial.Op == "dial":
		help = "; is the server running, and is this its --endpoint-url?"
	}
	return fmt.Errorf("no answer from %s: %w%s", s.endpoint, err, help)
}

// refused is what the server answered, in its words, and the next step. Where
// it explains itself, that is on further lines.
func (s *serverFlags) refused(action string, status int, body []byte) error {
	var fault struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	if rootOf(body) != "ErrorResponse" || xml.Unmarshal(body, &fault) != nil || fault.Code == "" {
		return fmt.Errorf("%s answers with status %d, and not as Daypass does; is it the server's endpoint?", s.endpoint, status)
	}
	text, explained, _ := strings.Cut(fault.Message, "\n")
	if text == "" {
		text = "the server refuses"
	}
	text = strings.TrimSuffix(text, ".")
	if step := nextStep(fault.Code, action); step != "" {
		text += "; " + step
	}
	text += " (" + fault.Code + ")"
	if explained = strings.TrimSpace(explained); explained != "" {
		text += "\n" + explained
	}
	return errors.New(strings.Map(printable, text))
}

// nextStep says what to do about an error of the server, by its code and the
// action that was asked for.
func nextStep(code, action string) string {
	switch code {
	case "AccessDenied":
		return "allow " + action + " in a policy of the caller, or call as the administrator"
	case "InvalidClientTokenId":
		return "the server does not know these credentials, or they were revoked: check AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SHARED_CREDENTIALS_FILE"
	case "SignatureDoesNotMatch":
		return "check the secret access key, and the clocks of both machines"
	case "ExpiredToken":
		return "get new credentials"
	case "InvalidAction":
		return "is it Daypass, and as new as this command?"
	case "InternalFailure":
		return "the server's log says more"
	case "NoSuchEntity":
		if action == "daypass:DeleteRevocation" {
			return `"daypass sessions revocations" lists those there are`
		}
		return `"aws iam list-roles" lists those there are`
	}
	return ""
}

// printable takes out what could steer a terminal.
func printable(r rune) rune {
	if r != '\n' && !unicode.IsPrint(r) {
		return unicode.ReplacementChar
	}
	return r
}
