package awsapitest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
)

// client is as the SDK's are: a method for each operation, with its output.
type client struct{}

type (
	color  string
	person struct {
		Name  *string
		Favor color
	}
	output struct {
		Age            *int32
		IsOld          bool
		Born           *time.Time
		Friends        []person
		Owes           map[string]color
		ResultMetadata struct{ Internal string }
	}
	empty struct{ ResultMetadata struct{ Internal string } }
)

func (color) Values() []color { return []color{"red", "blue"} }

func (*client) GetPerson(*person) (*output, error) { return nil, nil }
func (*client) Touch(*person) (*empty, error)      { return nil, nil }

// TestShapesRefuse: what clients would pass over in silence is found.
func TestShapesRefuse(t *testing.T) {
	t.Parallel()
	const namespace = "https://people.example.com/"
	person := func(inner string) string {
		return `<GetPersonResponse xmlns="` + namespace + `"><GetPersonResult>` + inner + `</GetPersonResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></GetPersonResponse>`
	}
	for body, want := range map[string]string{
		person(""): "",
		person(`<Age>-1</Age><IsOld>false</IsOld><Born>2026-11-26T01:02:03Z</Born><Friends><member><Name>a</Name><Favor>red</Favor></member><member/></Friends><Owes><entry><key>a</key><value>blue</value></entry></Owes>`): "",
		person(`<ResultMetadata/>`):                                                    "GetPersonResult/ResultMetadata is not in the model",
		person(`<age>1</age>`):                                                         "GetPersonResult/age is not in the model",
		person(`<Age>1</Age><Age>1</Age>`):                                             "GetPersonResult/Age is there twice",
		person(`<Age>1.0</Age>`):                                                       `GetPersonResult/Age is "1.0", want an integer`,
		person(`<Age>2147483648</Age>`):                                                `GetPersonResult/Age is "2147483648", want an integer`,
		person(`<Age><Years>1</Years></Age>`):                                          "GetPersonResult/Age holds elements, want an integer",
		person(`<IsOld>True</IsOld>`):                                                  `GetPersonResult/IsOld is "True", want true or false`,
		person(`<Born>2026-11-26T01:02:03+00:00</Born>`):                               `GetPersonResult/Born is "2026-11-26T01:02:03+00:00", want a time in UTC and whole seconds`,
		person(`<Friends><Friend/></Friends>`):                                         "GetPersonResult/Friends/member[1] is a <Friend>",
		person(`<Friends>a</Friends>`):                                                 `GetPersonResult/Friends holds the text "a", want elements`,
		person(`<Friends><member/><member><Favor>Red</Favor></member></Friends>`):      `GetPersonResult/Friends/member[2]/Favor is "Red", want one of ["red" "blue"]`,
		person(`<Owes><entry><key>a</key></entry></Owes>`):                             "GetPersonResult/Owes/entry[1] is not a key and a value",
		person(`<Age xmlns="https://other.example.com/">1</Age>`):                      `GetPersonResult/Age is in the namespace "https://other.example.com/"`,
		person(`text<Age>1</Age>`):                                                     `<GetPersonResult> holds text beside elements: "text"`,
		person(`<Age kind="a">1</Age>`):                                                "<Age> has the attribute kind",
		strings.Replace(person(""), namespace, "https://other.example.com/", 1):        `<GetPersonResponse> is in the namespace "https://other.example.com/", not "https://people.example.com/"`,
		strings.ReplaceAll(person(""), "GetPersonRes", "LosePersonRes"):                "<LosePersonResponse> is the response of no operation",
		strings.ReplaceAll(person(""), "GetPersonResult", "Result"):                    `<GetPersonResponse> holds ["Result" "ResponseMetadata"], want ["GetPersonResult" "ResponseMetadata"]`,
		strings.ReplaceAll(person(""), "GetPerson", "Touch"):                           `<TouchResponse> holds ["TouchResult" "ResponseMetadata"], want ["ResponseMetadata"]`,
		`<TouchResponse xmlns="` + namespace + `"><ResponseMetadata/></TouchResponse>`: "",
		`<OtherResponse xmlns="https://another.service.example.com/"/>`:                "",
		person("") + "<More/>":                                                         `2 elements and the text "" where one element was expected`,
	} {
		got := awsapitest.ShapesOf((*client)(nil), namespace).Check(body)
		if strings.Join(got, "; ") != want {
			t.Errorf("%s\ngot  %q\nwant %s", body, got, want)
		}
	}
}
