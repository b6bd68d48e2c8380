package upstream_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/awsrequest"
	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/upstream"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// BenchmarkGateway is a request over two connections of loopback, decided and signed
// anew, beside the floor: the same request over one, to a service that answers
// whoever asks.
func BenchmarkGateway(b *testing.B) {
	const body = `{"QueueUrl":"https://sqs.eu-central-1.amazonaws.com/123456789012/jobs","MessageBody":"hello"}`
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"MessageId":"1"}`)
	}))
	b.Cleanup(behind.Close)
	s := awsapitest.Start(b, awsapitest.Options{Now: time.Now, Events: io.Discard, Services: func(*awsapitest.Server) ([]*awsapi.Service, error) { return nil, nil }})
	handler, err := upstream.New(upstream.Config{API: s.Handler.(*awsapi.API), Now: time.Now, Services: []upstream.Service{
		{Name: "sqs", Endpoint: behind.URL, Account: awsapitest.Account, Credentials: s3upstream.Static(gatewayKey, gatewaySecret)},
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(handler.Close)
	gateway := httptest.NewServer(handler)
	b.Cleanup(gateway.Close)
	config := s.User(b, "team", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:*:*:jobs"}]}`)
	for _, at := range []struct{ name, url string }{{"floor", behind.URL}, {"gateway", gateway.URL}} {
		b.Run(at.name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			header := signedHeader(b, config, at.url, body)
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, at.url+"/", strings.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				r.Header = header.Clone()
				response, err := client.Do(r)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					b.Fatal(response.Status)
				}
			}
		})
	}
}

// signedHeader is the header of a request, signed once: it is good for 15 minutes.
func signedHeader(b *testing.B, config aws.Config, url, body string) http.Header {
	b.Helper()
	f := &fixture{gateway: &httptest.Server{URL: url}}
	r := f.request(b, http.MethodPost, "/", body, "Content-Type", "application/x-amz-json-1.0", "X-Amz-Target", "AmazonSQS.SendMessage")
	f.sign(b, config, r, "sqs", awsapitest.Region, body)
	return r.Header
}

// BenchmarkNeeds is what a launch of instances costs to read.
func BenchmarkNeeds(b *testing.B) {
	service, _ := awsrequest.Find("ec2")
	request := &awsrequest.Request{
		Method: http.MethodPost, RequestURI: "/", Header: map[string][]string{"Content-Type": {form}},
		Body: []byte("Action=RunInstances&Version=2016-11-15&ImageId=ami-1&InstanceType=t3.micro&MinCount=1&MaxCount=1&SubnetId=subnet-1&SecurityGroupId.1=sg-1&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=team&TagSpecification.1.Tag.1.Value=data"),
	}
	scope := &awsrequest.Scope{Region: awsapitest.Region, Account: awsapitest.Account}
	b.ReportAllocs()
	for b.Loop() {
		op, err := service.Parse(request)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := op.Needs(scope); err != nil {
			b.Fatal(err)
		}
	}
}
