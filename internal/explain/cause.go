package explain

import (
	"encoding/json"
	"slices"
	"strings"
)

// Input is what must be known to tell a cause apart from others of the same
// symptom.
type Input uint16

// The inputs, in the order in which people have them at hand.
const (
	ErrorText  Input = 1 << iota // the error itself
	IssuerURL                    // the issuer, looked at by `daypass doctor issuer`
	TokenText                    // the ID token
	PolicyText                   // the role's trust policy
	RoleARN                      // the role's ARN, as the client sent it
	JobFacts                     // the CI file, the job's environment
	Account                      // reading the AWS account
	ForgeAPI                     // the API of GitLab or GitHub
	Outside                      // a look from the public internet
)

// inputNames are the words for inputs, in order of the bits.
var inputNames = [...]string{
	"the error", "the issuer's URL", "the token", "the trust policy", "the role's ARN",
	"the CI file or the job's environment", "a look into the AWS account", "the API of GitLab or GitHub", "a look from the public internet",
}

// Names are the words for each of the inputs.
func (i Input) Names() []string {
	var names []string
	for bit, name := range inputNames {
		if i&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// MarshalJSON writes the words for the inputs.
func (i Input) MarshalJSON() ([]byte, error) { return json.Marshal(i.Names()) }

// Cause is one way in which a job comes not to get its credentials, or gets
// others than it should.
type Cause struct {
	// Number is its number in docs/causes.md. Numbers are never given twice.
	Number int `json:"number"`
	// Title says what is the matter, Fix what to do about it; sentences without a
	// full stop.
	Title string `json:"title"`
	Fix   string `json:"fix"`
	// Needs are the inputs that prove this cause, or rule it out.
	Needs Input `json:"needs"`
	// Link is where it is documented or was reported.
	Link string `json:"link"`
	// texts are fragments of error texts under which it shows, in lower case. An
	// ellipsis stands for any text.
	texts []string
}

// The texts that many causes share, as clients print them.
var (
	notAuthorized = []string{"not authorized to perform sts:assumerolewithwebidentity", "not authorized to perform: sts:assumerolewithwebidentity"}
	noKey         = []string{"couldn't retrieve verification key from your identity provider"}
	noProvider    = []string{"no openidconnect provider found in your account"}
	thumbprint    = []string{"https certificate doesn't match configured thumbprint"}
	notValidated  = []string{"the web identity token provided could not be validated", "incorrect token audience"}
	notJWT        = []string{"the id token provided is not a valid jwt"}
)

// Causes is the catalogue, by number. It is the caller's.
func Causes() []Cause {
	all := slices.Concat(issuerCauses, tokenCauses, trustCauses, jobCauses, storeCauses)
	slices.SortFunc(all, func(a, b Cause) int { return a.Number - b.Number })
	return all
}

var byNumber = func() map[int]*Cause {
	all := Causes()
	numbers := make(map[int]*Cause, len(all))
	for i := range all {
		numbers[all[i].Number] = &all[i]
	}
	return numbers
}()

// likelihood is the order in which causes of one symptom are told: by how often
// they are reported. What is not named comes after, by number.
var likelihood = []int{
	42, 43, 41, 40, 46, 44, 50, 51, 49, 48, 45, 52, 54, 47, 53, 60, 55, 56, // not authorized
	1, 3, 4, 5, 2, 38, 6, 7, 8, // no key
	15, 16, 17, 71, 14, // no provider
	10, 12, 11, // thumbprint
	24, 26, // audience
	29, 31, // no JWT
}

// Symptom gives the causes that show under an error text, the likeliest first;
// none where the text is not known. A text of a client around AWS's sentence
// does no harm, nor does white space, or the case of letters.
func Symptom(text string) []Cause {
	folded := strings.ToLower(strings.Join(strings.Fields(text), " "))
	var found []Cause
	for _, cause := range Causes() {
		if slices.ContainsFunc(cause.texts, func(fragment string) bool { return holds(folded, fragment) }) {
			found = append(found, cause)
		}
	}
	slices.SortStableFunc(found, func(a, b Cause) int { return rank(a.Number) - rank(b.Number) })
	return found
}

func rank(number int) int {
	if at := slices.Index(likelihood, number); at >= 0 {
		return at
	}
	return len(likelihood) + number
}

// holds reports whether a text has the parts of a fragment, one after the other.
func holds(text, fragment string) bool {
	for part := range strings.SplitSeq(fragment, "…") {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = rest
	}
	return true
}
