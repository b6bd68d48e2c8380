package awsapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"

	"github.com/google/go-cmp/cmp"
)

// outputsNotWritten: replies of STS and IAM are made of structures, strings,
// integers, booleans, times of one form, lists of <member> and maps of <entry>.
func outputsNotWritten() *listed {
	return newListed(map[string][]string{
		"a time is written in UTC, and this is the same time": {
			"AwsQueryDateTimeWithNegativeOffset", "AwsQueryDateTimeWithPositiveOffset",
		},
		"STS and IAM write whole seconds; one of their times has milliseconds, and is written without XML.Time": {
			"AwsQueryDateTimeWithFractionalSeconds",
		},
		"no time of STS or IAM has another form": {
			"QueryXmlTimestampsWithEpochSecondsFormat/epochSeconds", "QueryXmlTimestampsWithEpochSecondsOnTargetFormat/epochSecondsOnTarget",
			"QueryXmlTimestampsWithHttpDateFormat/httpDate", "QueryXmlTimestampsWithHttpDateOnTargetFormat/httpDateOnTarget",
		},
		"no list or map of STS or IAM is flattened": {
			"QueryQueryFlattenedXmlMap/myMap", "QueryQueryFlattenedXmlMapWithXmlName/myMap", "QueryQueryFlattenedXmlMapWithXmlNamespace/myMap",
			"QueryXmlLists/flattenedList", "QueryXmlLists/flattenedList2",
			"QueryXmlLists/flattenedListWithMemberNamespace", "QueryXmlLists/flattenedListWithNamespace",
		},
		"no list of STS or IAM has other names":               {"QueryXmlLists/renamedListMembers", "QueryXmlLists/structureList"},
		"no element of STS or IAM has a namespace of its own": {"QueryXmlNamespaces/nested"},
		"no output of STS or IAM is a float": {
			"QuerySimpleScalarProperties/floatValue", "QuerySimpleScalarProperties/doubleValue",
			"AwsQuerySupportsNaNFloatOutputs/floatValue", "AwsQuerySupportsNaNFloatOutputs/doubleValue",
			"AwsQuerySupportsInfinityFloatOutputs/floatValue", "AwsQuerySupportsInfinityFloatOutputs/doubleValue",
			"AwsQuerySupportsNegativeInfinityFloatOutputs/floatValue", "AwsQuerySupportsNegativeInfinityFloatOutputs/doubleValue",
		},
		"no output of a served operation is a blob":      {"QueryXmlBlobs/data", "QueryXmlEmptyBlobs/data", "QueryXmlEmptySelfClosedBlobs/data"},
		"no error of STS or IAM has more than a message": {"QueryComplexError"},
	})
}

// TestProtocolOutputs answers with the results of the protocol's tests, by their
// shapes: the reply is theirs, save its white space and its request id.
func TestProtocolOutputs(t *testing.T) {
	t.Parallel()
	var answer func(*awsapi.Call) (awsapi.Result, error)
	suites, door := readSuites(t, "output", &answer)
	known := outputsNotWritten()
	for _, s := range suites {
		for _, c := range s.Cases {
			w := &outputWriter{t: t, shapes: s.Shapes, of: c.Given.Output, value: c.Result, without: map[string]error{}}
			answer = func(*awsapi.Call) (awsapi.Result, error) {
				switch {
				case c.ErrorCode != "":
					message, _ := c.Error["Message"].(string)
					return nil, awsapi.Error(c.Response.StatusCode, c.ErrorCode, message)
				case w.of.Shape == "":
					return nil, nil
				}
				return w, nil
			}
			reply := send(t, door, "/", "Action="+c.Given.Name+"&Version="+protocolVersion, nil)
			if reply.Code != c.Response.StatusCode {
				t.Errorf("%s: status %d, want %d", c.ID, reply.Code, c.Response.StatusCode)
			}
			got := awsapitest.MustElement(t, reply.Body.String())
			if c.Response.Body == "" { // nothing is said of it
				continue
			}
			want := awsapitest.MustElement(t, c.Response.Body).Without("RequestId")
			for name, err := range w.without {
				known.has(t, c.ID+"/"+name, err)
			}
			for _, m := range w.members(w.of) {
				if w.without[m.name] != nil {
					want = want.Without(m.element)
				}
			}
			if c.ErrorCode != "" {
				got.SetSpace(want.Space) // the tests have none
			}
			if diff := cmp.Diff(want, got.Without("ResponseMetadata").Without("RequestId")); diff != "" {
				known.has(t, c.ID, "(-want +got):\n"+diff)
			}
		}
	}
	known.wantAllMet(t)
}

// outputWriter is a result that is written as our operations write theirs, told
// by shapes what to write.
type outputWriter struct {
	t       *testing.T
	shapes  map[string]shape
	of      reference
	value   json.RawMessage
	without map[string]error // members that were not written
}

// WriteXML implements awsapi.Result.
func (w *outputWriter) WriteXML(x *awsapi.XML) {
	var values map[string]json.RawMessage
	w.read(w.value, &values)
	for _, m := range w.members(w.of) {
		if values[m.name] == nil {
			continue
		}
		if err := w.can(m.reference); err != nil {
			w.without[m.name] = err
			continue
		}
		w.write(x, m.element, m.reference, values[m.name])
	}
}

func (w *outputWriter) members(of reference) []member {
	s := w.shapes[of.Shape]
	return s.members(w.t)
}

func (w *outputWriter) read(text json.RawMessage, into any) {
	w.t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
}

// can says why a value of a shape cannot be written.
func (w *outputWriter) can(of reference) error {
	return w.canWithin(of, map[string]bool{})
}

func (w *outputWriter) canWithin(of reference, seen map[string]bool) error {
	s := w.shapes[of.Shape]
	switch {
	case seen[of.Shape]:
		return nil
	case of.Flattened:
		return noNotion("a flattened " + s.Type)
	case of.XMLNamespace != nil || s.XMLNamespace != nil:
		return noNotion("a namespace of an element")
	case s.Type == "timestamp" && s.TimestampFormat != "" && s.TimestampFormat != "iso8601":
		return noNotion("a time as " + s.TimestampFormat)
	case s.Type == "list" && s.Member.LocationName != "":
		return noNotion("a list of <" + s.Member.LocationName + ">")
	}
	seen[of.Shape] = true
	switch s.Type {
	case "string", "boolean", "integer", "long", "timestamp":
		return nil
	case "list":
		return w.canWithin(s.Member, seen)
	case "map":
		return errors.Join(w.canWithin(s.Key, seen), w.canWithin(s.Value, seen))
	case "structure":
		for _, m := range w.members(of) {
			if err := w.canWithin(m.reference, seen); err != nil {
				return err
			}
		}
		return nil
	default:
		return noNotion("a " + s.Type)
	}
}

// write writes a value that can be written.
func (w *outputWriter) write(x *awsapi.XML, name string, of reference, text json.RawMessage) {
	w.t.Helper()
	s := w.shapes[of.Shape]
	switch s.Type {
	case "string":
		var value string
		w.read(text, &value)
		x.Text(name, value)
	case "boolean":
		var value bool
		w.read(text, &value)
		x.Bool(name, value)
	case "integer", "long":
		var value int
		w.read(text, &value)
		x.Text(name, strconv.Itoa(value))
	case "timestamp":
		var seconds float64
		w.read(text, &seconds)
		x.Time(name, time.UnixMilli(int64(seconds*1000)))
	case "list":
		w.writeList(x, name, s.Member, text)
	case "map":
		var entries ordered
		w.read(text, &entries)
		x.Open(name)
		for _, e := range entries {
			x.Open("entry")
			x.Text(orElse(s.Key.LocationName, "key"), e.name)
			w.write(x, orElse(s.Value.LocationName, "value"), s.Value, e.text)
			x.Close()
		}
		x.Close()
	case "structure":
		var values map[string]json.RawMessage
		w.read(text, &values)
		x.Open(name)
		for _, m := range w.members(of) {
			if values[m.name] != nil {
				w.write(x, m.element, m.reference, values[m.name])
			}
		}
		x.Close()
	default:
		panic(fmt.Sprintf("a %s cannot be written", s.Type))
	}
}

func (w *outputWriter) writeList(x *awsapi.XML, name string, of reference, text json.RawMessage) {
	w.t.Helper()
	if w.shapes[of.Shape].Type == "string" {
		var values []string
		w.read(text, &values)
		x.Texts(name, values)
		return
	}
	var values []json.RawMessage
	w.read(text, &values)
	x.Open(name)
	for _, value := range values {
		w.write(x, "member", of, value)
	}
	x.Close()
}

func orElse(name, otherwise string) string {
	if name != "" {
		return name
	}
	return otherwise
}

// TestRecordedErrors: a fault of a service is written as the recorded errors of
// STS and IAM are.
func TestRecordedErrors(t *testing.T) {
	t.Parallel()
	dir := []string{"vectors", "botocore", "tests", "unit", "response_parsing", "xml", "errors"}
	recorded := 0
	for service, namespace := range map[string]string{
		"iam": "https://iam.amazonaws.com/doc/2010-05-08/", "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
	} {
		files, err := filepath.Glob(filepath.Join(awsapitest.Shared(t, dir...), service+"-*.xml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			recorded++
			name := filepath.Base(file[:len(file)-len(".xml")])
			var parsed struct {
				Error struct{ Code, Message, Type string }
			}
			awsapitest.ReadSharedJSON(t, &parsed, append(dir[:len(dir):len(dir)], name+".json")...)
			s := awsapitest.Start(t, awsapitest.Options{Now: time.Now, Services: func(*awsapitest.Server) ([]*awsapi.Service, error) {
				service, err := awsapi.NewService(awsapi.Service{Name: service, Version: version, Namespace: namespace},
					awsapi.Public("Fail", func(*awsapi.Call) (awsapi.Result, error) {
						return nil, awsapi.Error(http.StatusForbidden, parsed.Error.Code, parsed.Error.Message)
					}))
				return []*awsapi.Service{service}, err
			}})
			reply := send(t, s.Handler, "/", "Action=Fail&Version="+version, nil)
			want := awsapitest.MustElement(t, awsapitest.ReadShared(t, append(dir[:len(dir):len(dir)], name+".xml")...))
			got := awsapitest.MustElement(t, reply.Body.String())
			if diff := cmp.Diff(want.Without("RequestId"), got.Without("RequestId")); diff != "" || got.Child("RequestId") == nil {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
	if recorded < 2 {
		t.Errorf("%d recorded errors", recorded)
	}
}
