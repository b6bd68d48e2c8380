package awsapi_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/daypass/daypass/internal/awsapi"

	"github.com/google/go-cmp/cmp"
)

// inputsNotDecoded: requests of STS and IAM are made of structures, strings,
// integers, booleans, and lists under "member" of strings or structures. TestInputs
// of the rooms holds that against the service models.
func inputsNotDecoded() *listed {
	return newListed(map[string][]string{
		"no input of STS is a map, and of IAM none of an operation that is served": {
			"QuerySimpleQueryMaps/MapArg", "QuerySimpleQueryMapsWithXmlName/RenamedMapArg", "QueryComplexQueryMaps/ComplexMapArg",
			"QueryQueryMapWithMemberXmlName/MapWithXmlMemberName", "QueryFlattenedQueryMaps/FlattenedMap",
			"QueryFlattenedQueryMapsWithXmlName/FlattenedMapWithXmlName", "QueryQueryMapOfLists/MapOfLists", "QueryNestedStructWithMap/NestedStructWithMap",
		},
		"an empty map is not sent at all":       {"QueryEmptyQueryMaps"},
		"no list of STS or IAM is flattened":    {"FlattenedQueryLists/FlattenedListArg", "QueryFlattenedListArgWithXmlName/FlattenedListArgWithXmlName"},
		"no list of STS or IAM has other names": {"QueryListArgWithXmlNameMember/ListArgWithXmlNameMember"},
		"no input of STS or IAM is a time": {
			"QueryTimestampsInput/normalFormat", "QueryTimestampsInput/epochMember", "QueryTimestampsInput/epochTarget",
		},
		"no input of STS or IAM is a float": {
			"QuerySimpleInputParamsFloat/Boo",
			"AwsQuerySupportsNaNFloatInputs/FloatValue", "AwsQuerySupportsNaNFloatInputs/Boo",
			"AwsQuerySupportsInfinityFloatInputs/FloatValue", "AwsQuerySupportsInfinityFloatInputs/Boo",
			"AwsQuerySupportsNegativeInfinityFloatInputs/FloatValue", "AwsQuerySupportsNegativeInfinityFloatInputs/Boo",
		},
		"no input of STS or IAM is a blob":                  {"QuerySimpleInputParamsBlob/Qux"},
		"the client makes up the token, which is then sent": {"QueryProtocolIdempotencyTokenAutoFill"},
		"the test has no body; no operation of STS or IAM is sent compressed": {
			"SDKAppliedContentEncoding_awsQuery", "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery",
		},
	})
}

// TestProtocolInputs sends the requests of the protocol's tests and decodes them
// by their shapes: what comes out is what the client was asked to send.
func TestProtocolInputs(t *testing.T) {
	t.Parallel()
	var answer func(*awsapi.Call) (awsapi.Result, error)
	suites, door := readSuites(t, "input", &answer)
	known := inputsNotDecoded()
	for _, s := range suites {
		for _, c := range s.Cases {
			if c.Serialized.Body == "" {
				known.has(t, c.ID, "there is no body")
				continue
			}
			d := &inputDecoder{t: t, shapes: s.Shapes}
			var got map[string]any
			answer = func(call *awsapi.Call) (awsapi.Result, error) {
				got = d.structure(call.Params, "", c.Given.Input)
				return nil, nil
			}
			reply := send(t, door, c.Serialized.URI, c.Serialized.Body, c.Serialized.Headers)
			if reply.Code != http.StatusOK {
				t.Errorf("%s: %d %s", c.ID, reply.Code, reply.Body)
			}
			for name, err := range d.without {
				known.has(t, c.ID+"/"+name, err)
				delete(c.Params, name)
			}
			if diff := cmp.Diff(c.Params, got); diff != "" {
				known.has(t, c.ID, "(-want +got):\n"+diff)
			}
		}
	}
	known.wantAllMet(t)
}

// inputDecoder decodes as an operation does, told by shapes what to ask for.
type inputDecoder struct {
	t       *testing.T
	shapes  map[string]shape
	without map[string]error // the request's members that were not decoded
}

// structure decodes the request itself.
func (d *inputDecoder) structure(p awsapi.Params, prefix string, of reference) map[string]any {
	d.t.Helper()
	d.without = map[string]error{}
	all := map[string]any{}
	s := d.shapes[of.Shape]
	for _, m := range s.members(d.t) {
		value, sent, err := d.value(p, prefix+m.element, m.reference)
		switch {
		case err != nil && !errors.Is(err, errNoNotion):
			d.t.Errorf("%s: %v", m.name, err)
		case err != nil:
			d.without[m.name] = err
		case sent:
			all[m.name] = value
		}
	}
	return all
}

// value decodes the value under a name, and says whether one was sent.
func (d *inputDecoder) value(p awsapi.Params, name string, of reference) (value any, sent bool, err error) {
	d.t.Helper()
	if !p.HasAny(name) {
		return nil, false, nil
	}
	s := d.shapes[of.Shape]
	switch s.Type {
	case "string":
		return p.Get(name), true, nil
	case "boolean":
		b, err := p.Bool(name)
		return b, true, err
	case "integer":
		n, sent, err := p.Int(name)
		return float64(n), sent, err // as JSON has it
	case "list":
		if of.Flattened || s.Member.LocationName != "" {
			return nil, true, noNotion("a list that is flattened or renamed")
		}
		list, err := d.list(p, name, s.Member)
		return list, true, err
	case "structure":
		all := map[string]any{}
		for _, m := range s.members(d.t) {
			value, sent, err := d.value(p, name+"."+m.element, m.reference)
			if err != nil {
				return nil, true, err
			}
			if sent {
				all[m.name] = value
			}
		}
		return all, true, nil
	default:
		return nil, true, noNotion("a " + s.Type)
	}
}

func (d *inputDecoder) list(p awsapi.Params, name string, of reference) ([]any, error) {
	d.t.Helper()
	all := []any{}
	s := d.shapes[of.Shape]
	switch s.Type {
	case "string":
		list, err := p.List(name)
		for _, value := range list {
			all = append(all, value)
		}
		return all, err
	case "structure":
		list, err := p.Structs(name)
		for _, fields := range list {
			member := map[string]any{}
			for _, m := range s.members(d.t) {
				value, sent, err := d.value(fields, m.element, m.reference)
				if err != nil {
					return nil, err
				}
				if sent {
					member[m.name] = value
				}
			}
			all = append(all, member)
		}
		return all, err
	default:
		return nil, noNotion("a list of " + s.Type)
	}
}
