package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// awsSecrets is the provider of secrets that is asked here.
const awsSecrets = "aws_secrets_manager"

// defaultSecretToken is the ID token that is shown where a secret names none
// (GitLab Docs, "Use AWS Secrets Manager secrets in GitLab CI/CD").
const defaultSecretToken = "AWS_ID_TOKEN" //nolint:gosec // the name of a variable

// secretTimeout is how long the secrets of a job may take (GitLab Runner).
const secretTimeout = 30 * time.Second

// maxRoleSessionName is in characters.
const maxRoleSessionName = 64

// refuseSecret says what keeps a secret from being asked for; nil for nothing.
// Of a secret without a token GitLab's runner asks by the rights of its own
// machine, which a job has none of here.
func (r *ciRun) refuseSecret(j *ci.Job, s *ci.Secret) *ci.Error {
	var what, next string
	switch {
	case s.Provider != awsSecrets: // which the file's reader has refused
		return nil
	case r.endpoint == "":
		what, next = "cannot be fetched here: no server plays AWS", "name one with --endpoint, or give its value with --variable "+s.Name+"=VALUE"
	case !slices.ContainsFunc(j.IDTokens, func(t ci.IDToken) bool { return t.Name == tokenOf(s) }):
		what, next = "has no ID token to show: the job has none named "+tokenOf(s), "declare it under id_tokens, or name another with token"
	default:
		return nil
	}
	e := ci.Error(j.Note("jobs:"+j.Definition+":secrets:"+s.Name+" "+what, next, "secrets", s.Name))
	return &e
}

// givesSecret reports whether a refusal is of a secret whose value was given as a
// variable of the project.
func (r *ciRun) givesSecret(j *ci.Job, e *ci.Error) bool {
	return slices.ContainsFunc(j.Secrets, func(s ci.Secret) bool {
		return strings.Contains(e.Message, ":secrets:"+s.Name+" ") &&
			slices.ContainsFunc(r.base.ProjectVariables, func(v ci.Variable) bool { return v.Name == s.Name })
	})
}

// tokenOf names the ID token of a secret.
func tokenOf(s *ci.Secret) string {
	if s.Token == "" {
		return defaultSecretToken
	}
	return strings.Trim(s.Token, "${}")
}

// resolveSecrets fetches the secrets of a job before it runs, as GitLab's runner
// does (its helpers/secrets/resolvers/aws): with the job's own token and role. It
// is nil where the job has none.
func (r *ciRun) resolveSecrets(j *ci.Job, variables []ci.Variable, tokens map[string]string) (func(context.Context, *runner.Log) ([]ci.Variable, error), error) {
	if len(j.Secrets) == 0 {
		return nil, nil
	}
	expanded, err := ci.ExpandAll(variables)
	if err != nil {
		return nil, err
	}
	client, err := httpClient()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, log *runner.Log) (all []ci.Variable, err error) {
		ctx, cancel := context.WithTimeout(ctx, secretTimeout)
		defer cancel()
		for i := range j.Secrets {
			s := &j.Secrets[i]
			log.Say("Resolving secret %q...", s.Name)
			log.Say("Using %q secret resolver...", s.Provider)
			f := &secretFetch{secret: s, variables: expanded, config: aws.Config{BaseEndpoint: &r.endpoint, HTTPClient: client}, region: r.region}
			value, err := f.fetch(ctx, tokens[tokenOf(s)])
			if err != nil {
				return nil, fmt.Errorf("resolving secrets: %w", err)
			}
			all = append(all, ci.Variable{Name: s.Name, Value: value, Raw: true, Masked: true, File: s.File})
		}
		return all, nil
	}, nil
}

// httpClient trusts whom AWS_CA_BUNDLE names, as the jobs' own clients do.
func httpClient() (aws.HTTPClient, error) {
	client := awshttp.NewBuildableClient()
	path := os.Getenv("AWS_CA_BUNDLE")
	if path == "" {
		return client, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %s holds no certificate", path)
	}
	return client.WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig.RootCAs = pool }), nil
}

// secretFetch fetches one secret.
type secretFetch struct {
	secret    *ci.Secret
	variables []ci.Variable // of the job, expanded
	config    aws.Config
	region    string // where neither the secret nor a variable names one
}

// setting is one of the secret's settings or, where it is not there, the variable
// that stands in for it; "" for neither.
func (f *secretFetch) setting(name, variable string) string {
	if text := f.secret.Settings[name]; text != "" || variable == "" {
		return ci.Expand(text, f.variables)
	}
	for _, v := range slices.Backward(f.variables) {
		if v.Name == variable {
			return v.Value
		}
	}
	return ""
}

// fetch gives the value as the job's variable has it. No error holds the token or
// a value.
func (f *secretFetch) fetch(ctx context.Context, token string) (string, error) {
	role := f.setting("role_arn", "AWS_ROLE_ARN")
	if role == "" {
		return "", errors.New("Role ARN is required when using JWT for AWS authentication") //nolint:staticcheck // GitLab Runner's words
	}
	if f.config.Region = f.setting("region", "AWS_REGION"); f.config.Region == "" {
		f.config.Region = f.region
	}
	session := f.setting("role_session_name", "AWS_ROLE_SESSION_NAME")
	if session == "" {
		session = ci.Expand("${CI_JOB_ID}-${CI_PROJECT_ID}-${CI_SERVER_HOST}", f.variables)
		session = session[:min(len(session), maxRoleSessionName)]
	}
	assumed, err := sts.NewFromConfig(f.config).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: &session, WebIdentityToken: &token,
	})
	if err != nil {
		return "", err
	}
	c := assumed.Credentials
	f.config.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken))
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String(f.setting("secret_id", ""))}
	if id := f.setting("version_id", ""); id != "" {
		in.VersionId = &id
	}
	if stage := f.setting("version_stage", ""); stage != "" {
		in.VersionStage = &stage
	}
	got, err := secretsmanager.NewFromConfig(f.config).GetSecretValue(ctx, in)
	if err != nil {
		return "", err
	}
	value := string(got.SecretBinary)
	if got.SecretString != nil {
		value = *got.SecretString
	}
	if field := f.setting("field", ""); field != "" {
		return fieldOf(value, field, *in.SecretId)
	}
	return value, nil
}

// fieldOf takes one member out of a value that is a flat JSON object.
func fieldOf(value, field, secret string) (string, error) {
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil { // which may repeat some of the value
		return "", fmt.Errorf("secret '%s' is no JSON object, so that it has no key '%s'", secret, field)
	}
	switch member := object[field].(type) {
	case string:
		return member, nil
	case json.Number:
		return member.String(), nil
	case bool:
		return strconv.FormatBool(member), nil
	case nil:
		return "", fmt.Errorf("key '%s' not found in AWS Secrets Manager response for secret '%s'", field, secret)
	default:
		return "", fmt.Errorf("key '%s' of secret '%s' is neither a string nor a number nor a boolean", field, secret)
	}
}
