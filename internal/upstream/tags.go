package upstream

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/s3upstream"
)

// maxTags bounds the reply that lists the tags of one resource, which has 50 at
// most.
const maxTags = 1 << 20

// tagsOf asks EC2 which tags a resource has, with the gateway's own credentials. A
// resource that is not there has none. Nothing is kept: tags are what permissions
// hang on. (EC2 API Reference, DescribeTags. Between this answer and the request,
// somebody may change the tags; so it is at AWS.)
func (q *request) tagsOf(id string) (map[string]string, error) {
	fail := func(err error) error {
		return &awsapi.Fault{Kind: awsapi.Internal, Reason: "a policy depends on the tags of " + id + ", and the service did not tell them", Cause: err}
	}
	form := url.Values{
		"Action": {"DescribeTags"}, "Version": {"2016-11-15"},
		"Filter.1.Name": {"resource-id"}, "Filter.1.Value.1": {id},
	}
	response, err := q.send(&s3upstream.Message{
		Method: http.MethodPost, Path: "/", Body: []byte(form.Encode()), Service: "ec2",
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
	})
	if err != nil {
		return nil, fail(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxTags+1))
	if err != nil {
		return nil, fail(err)
	}
	if response.Status != http.StatusOK {
		code, message := errorOf(response.Header, text)
		return nil, fail(fmt.Errorf("it answered %d %s: %s", response.Status, code, message))
	}
	var reply struct {
		XMLName xml.Name
		Items   []struct {
			ID    string `xml:"resourceId"`
			Key   string `xml:"key"`
			Value string `xml:"value"`
		} `xml:"tagSet>item"`
		Next string `xml:"nextToken"`
	}
	if err := xml.Unmarshal(text, &reply); err != nil || reply.XMLName.Local != "DescribeTagsResponse" || reply.Next != "" || len(text) > maxTags {
		return nil, fail(errors.Join(errors.New("its answer is no list of tags"), err))
	}
	tags := map[string]string{}
	for _, item := range reply.Items {
		if item.ID != id {
			return nil, fail(errors.New("its answer is of another resource"))
		}
		tags[item.Key] = item.Value
	}
	return tags, nil
}
