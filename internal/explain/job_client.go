package explain

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file looks for what a client does with a token that is in order: under whose
// keys, for how long, at which endpoint, in which image.

// eksTokens is where EKS puts the token of a pod's own role.
const eksTokens = "/var/run/secrets/eks.amazonaws.com/" //nolint:gosec // a path

// otherIdentity looks for identities that are not the job's.
func (l *jobLook) otherIdentity() {
	passed := slices.ContainsFunc(l.job.Scripts, func(s Script) bool { return passedToken.MatchString(s.Text) })
	file, inFile, ok := l.variable("AWS_WEB_IDENTITY_TOKEN_FILE")
	if ok && strings.HasPrefix(file, eksTokens) && !passed {
		l.findAt(inFile, 60, "", "AWS_WEB_IDENTITY_TOKEN_FILE names the token of the runner's own pod, and not the job's")
	}
	role, roleInFile, hasRole := l.variable("AWS_ROLE_ARN")
	if hasRole && l.RoleARN != "" && role != l.RoleARN && !strings.ContainsAny(role, "$") && !passed {
		l.findAt(roleInFile, 60, "", "AWS_ROLE_ARN names another role than the one that is asked about")
	}
	if _, profile, set := l.variable("AWS_PROFILE"); set && ok {
		l.findAt(profile, 60, "the client takes a profile before the web identity", "AWS_PROFILE and AWS_WEB_IDENTITY_TOKEN_FILE are both set")
	}
}

// swallowed looks for exchanges whose failure nobody sees.
func (l *jobLook) swallowed() {
	for _, script := range l.job.Scripts {
		for _, command := range swallowing(script.Text, exchange) {
			l.find(61, script.Place, "", "the exchange stands in a substitution within "+command+", which ends with 0 when it fails: the job goes on")
		}
	}
}

var (
	durationOption = regexp.MustCompile(`--duration-seconds[\s=\\]+["']?(\d+)`)
	lifetimeOption = regexp.MustCompile(`oidc\s+request-token[^\n;|]*--lifetime[\s=]+["']?(\d+)`)
	nameOption     = regexp.MustCompile(`--role-session-name[\s=\\]+("[^"\n]*"|'[^'\n]*'|[^\s"';|&)]+)`)
)

// defaultSession is how long a session lives where nothing is asked for.
const defaultSession = time.Hour

// sessionEnds looks for sessions that are over before the job is.
func (l *jobLook) sessionEnds() {
	if text := l.env.Variables["AWS_CREDENTIAL_EXPIRATION"]; text != "" {
		if at, err := time.Parse(time.RFC3339, text); err == nil && !at.After(l.Now) {
			l.findInEnvironment(62, "", "the session ended before now, by AWS_CREDENTIAL_EXPIRATION")
		}
	}
	lasts, found := defaultSession, false
	for _, script := range l.job.Scripts {
		found = found || strings.Contains(script.Text, exchange)
		if match := durationOption.FindStringSubmatch(script.Text); match != nil {
			lasts = seconds(match[1], lasts)
		}
	}
	for _, step := range l.configure() {
		found, lasts = true, seconds(step.With["role-duration-seconds"], lasts)
	}
	if found && l.job.Timeout > lasts {
		l.find(62, "", fmt.Sprintf("it runs for longer than %s after the exchange", short(lasts)),
			fmt.Sprintf("the job may run for %s, and its session lives %s and is not renewed", short(l.job.Timeout), short(lasts)))
	}
}

func seconds(text string, or time.Duration) time.Duration {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n <= 0 {
		return or
	}
	return time.Duration(n) * time.Second
}

func short(d time.Duration) string {
	text := strings.TrimSuffix(d.String(), "0s")
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// maxTokenLifetime is the longest that Buildkite gives a token, in seconds, as its
// refusal says.
const maxTokenLifetime = 7200

// tokenLifetime looks for tokens that are to live as long as a session.
func (l *jobLook) tokenLifetime() {
	for _, script := range l.job.Scripts {
		for _, match := range lifetimeOption.FindAllStringSubmatch(script.Text, -1) {
			if seconds(match[1], 0) > maxTokenLifetime*time.Second {
				l.find(65, script.Place, "", "the job asks for a token that lives longer than 2h, which is refused")
			}
		}
	}
	// A plugin's option role-session-duration as Buildkite hands it over.
	if text := l.env.Variables["BUILDKITE_PLUGIN_AWS_ASSUME_ROLE_WITH_WEB_IDENTITY_ROLE_SESSION_DURATION"]; seconds(text, 0) > maxTokenLifetime*time.Second {
		l.findInEnvironment(65, "the plugin's version asks for a token of that lifetime", "the plugin's role-session-duration is longer than the 2h that a token may live")
	}
}

var (
	sessionNameText = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	variableText    = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?|\$\{\{\s*([a-z_.]+)\s*\}\}`)
	// pathVariables always have a slash.
	pathVariables = []string{
		"CI_PROJECT_PATH", "CI_JOB_URL", "CI_PIPELINE_URL", "CI_PROJECT_URL", "CI_PROJECT_DIR",
		"GITHUB_REPOSITORY", "GITHUB_REF", "GITHUB_WORKFLOW_REF", "github.repository", "github.ref", "github.workflow_ref",
	}
	branchVariables = []string{"CI_COMMIT_REF_NAME", "CI_COMMIT_BRANCH", "CI_COMMIT_TAG", "GITHUB_REF_NAME", "GITHUB_HEAD_REF", "github.ref_name", "github.head_ref"}
)

// sessionName looks at the names that the job gives to its sessions.
func (l *jobLook) sessionName() {
	for _, script := range l.job.Scripts {
		for _, match := range nameOption.FindAllStringSubmatch(script.Text, -1) {
			l.nameOfSession(strings.Trim(match[1], `"'`), script.Place)
		}
	}
	for _, step := range l.configure() {
		if name := step.With["role-session-name"]; name != "" {
			l.nameOfSession(name, step.Place)
		}
	}
	if name, inFile, ok := l.variable("AWS_ROLE_SESSION_NAME"); ok && inFile == nil && !sessionNameText.MatchString(name) {
		l.findInEnvironment(66, "", "AWS_ROLE_SESSION_NAME has a character that STS does not take, or not 2 to 64 of them")
	}
}

func (l *jobLook) nameOfSession(name, place string) {
	branch, open := "", strings.Contains(name, "$(") || strings.Contains(name, "`")
	var path string
	text := variableText.ReplaceAllStringFunc(name, func(reference string) string {
		match := variableText.FindStringSubmatch(reference)
		variable := match[1] + match[2]
		value, _, known := l.variable(variable)
		switch {
		case known && !strings.Contains(value, "$"):
			return value
		case slices.Contains(pathVariables, variable):
			path = variable
		case slices.Contains(branchVariables, variable):
			branch = variable
		}
		open = true
		return ""
	})
	switch {
	case path != "":
		l.find(66, place, "", "the session's name is made of "+path+", which has slashes")
	case !open && !sessionNameText.MatchString(text):
		l.find(66, place, "", "the session's name has a character that STS does not take, or not 2 to 64 of them")
	case branch != "":
		l.find(66, place, "the branch or tag has a slash in its name, or a long one", "the session's name is made of "+branch)
	}
}

var setsKeys = regexp.MustCompile(`AWS_ACCESS_KEY_ID=|aws configure set aws_access_key_id`)

// staticKeys looks for keys that come before the web identity. Values of GitHub's
// secrets cannot be seen, and count as static.
func (l *jobLook) staticKeys() {
	for _, step := range l.configure() {
		if step.With["aws-access-key-id"] != "" {
			l.find(68, step.Place, "", "the step has aws-access-key-id beside role-to-assume, and assumes the role with those keys")
		}
	}
	id, inFile, ok := l.variable("AWS_ACCESS_KEY_ID")
	if !ok || id == "" {
		return
	}
	// ASIA begins the id of temporary keys (IAM User Guide, "IAM identifiers").
	_, _, web := l.variable("AWS_WEB_IDENTITY_TOKEN_FILE")
	temporary := strings.HasPrefix(id, "ASIA")
	when := ""
	if replaced := slices.ContainsFunc(l.job.Scripts, func(s Script) bool { return setsKeys.MatchString(s.Text) }); replaced || len(l.configure()) > 0 {
		when = "the exchange fails or comes later: until then, these keys are used"
	}
	switch {
	case !temporary && web:
		l.findAt(inFile, 68, when, "AWS_ACCESS_KEY_ID holds a static key, and clients take it before AWS_WEB_IDENTITY_TOKEN_FILE")
	case !temporary:
		l.findAt(inFile, 68, when, "AWS_ACCESS_KEY_ID holds a static key, and clients take it before a web identity")
	case web:
		l.findAt(inFile, 68, when, "AWS_ACCESS_KEY_ID is set beside AWS_WEB_IDENTITY_TOKEN_FILE, and clients take it first and renew nothing")
	}
}

// secretKey looks whether the secret reached the environment whole. An AWS secret
// access key has 40 characters of base64.
func (l *jobLook) secretKey() {
	secret, ok := l.env.Variables["AWS_SECRET_ACCESS_KEY"]
	switch trimmed := strings.TrimSpace(secret); {
	case !ok || secret == "":
	case trimmed != secret:
		l.findInEnvironment(73, "", "AWS_SECRET_ACCESS_KEY has white space around it")
	case strings.ContainsAny(secret, " \t\r\n\"'%"):
		l.findInEnvironment(73, "", "AWS_SECRET_ACCESS_KEY has a blank, a quote or a percent sign, which no key of AWS has")
	}
}

var loop = regexp.MustCompile(`(?:^|[\n;&|]\s*)(?:(until)\s+|(while)\s+!\s*|(for)\s[^\n;]*[;\n]\s*do\s+|(retry)\s+)[^;\n]*` + exchange)

// retries looks for what asks again whatever the answer was.
func (l *jobLook) retries() {
	for _, script := range l.job.Scripts {
		if match := loop.FindStringSubmatch(strings.ReplaceAll(script.Text, "\\\n", " ")); match != nil {
			l.find(69, script.Place, "", "the exchange is repeated by "+strings.Join(match[1:], "")+", whatever the error is")
		}
	}
	if l.job.Retry > 0 && l.exchanges() {
		l.find(69, l.job.RetryPlace, "the exchange is denied", "the whole job is run again after every failure (retry without when)")
	}
	for _, step := range l.configure() {
		if step.With["special-characters-workaround"] == "true" {
			l.find(69, step.Place, "", "special-characters-workaround asks again until a secret has no special character")
		} else if n, err := strconv.Atoi(step.With["retry-max-attempts"]); err == nil && n > usualAttempts {
			l.find(69, step.Place, "the exchange is denied", fmt.Sprintf("retry-max-attempts is %d, and a denial is tried as often", n))
		}
	}
}

// usualAttempts is as often as AWS's SDKs try.
const usualAttempts = 3

var globalEndpoint = regexp.MustCompile(`https://sts\.amazonaws\.com\b(?:[/\s"']|$)`)

// endpoint looks for what leads clients to STS's global endpoint.
func (l *jobLook) endpoint() {
	if value, inFile, _ := l.variable("AWS_STS_REGIONAL_ENDPOINTS"); value == "legacy" {
		l.findAt(inFile, 70, "", "AWS_STS_REGIONAL_ENDPOINTS asks for the global endpoint")
	}
	for _, name := range []string{"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"} {
		value, inFile, ok := l.variable(name)
		if !ok || value == "" {
			continue
		}
		if ignored, _, _ := l.variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"); strings.EqualFold(ignored, "true") {
			l.findAt(inFile, 70, "", name+" is set, and AWS_IGNORE_CONFIGURED_ENDPOINT_URLS has clients ignore it")
		} else if globalEndpoint.MatchString(value) {
			l.findAt(inFile, 70, "", name+" is the global endpoint")
		}
	}
	for _, script := range l.job.Scripts {
		if globalEndpoint.MatchString(script.Text) {
			l.find(70, script.Place, "", "the script calls the global endpoint")
		}
	}
}

// partitionOf is the partition of a region (AWS General Reference, "Regions and
// endpoints").
func partitionOf(region string) string {
	for _, p := range [][2]string{{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"}, {"us-isob-", "aws-iso-b"}, {"us-isof-", "aws-iso-f"}, {"eu-isoe-", "aws-iso-e"}, {"us-iso-", "aws-iso"}} {
		if strings.HasPrefix(region, p[0]) {
			return p[1]
		}
	}
	return "aws"
}

var (
	regionText = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)
	roleText   = regexp.MustCompile(`^arn:(aws[a-z-]*):iam::[0-9]{12}:role/`)
	roleOption = regexp.MustCompile(`--role-arn[\s=\\]+["']?(arn:[^\s"']+)`)
)

// partition holds the region that the client calls against the role.
func (l *jobLook) partition() {
	role, region := l.RoleARN, ""
	var inFile *Setting
	for _, name := range []string{"AWS_DEFAULT_REGION", "AWS_REGION"} {
		if value, at, ok := l.variable(name); ok {
			region, inFile = value, at
		}
	}
	if value, _, ok := l.variable("AWS_ROLE_ARN"); ok && role == "" {
		role = value
	}
	for _, script := range l.job.Scripts {
		if match := roleOption.FindStringSubmatch(script.Text); match != nil && role == "" {
			role = match[1]
		}
	}
	for _, step := range l.configure() {
		if step.With["aws-region"] != "" {
			region, inFile = step.With["aws-region"], &Setting{Place: step.Place}
		}
		if role == "" {
			role = step.With["role-to-assume"]
		}
	}
	match := roleText.FindStringSubmatch(role)
	if match == nil || !regionText.MatchString(region) {
		return
	}
	if have := partitionOf(region); have != match[1] {
		l.findAt(inFile, 71, "", "the region is one of the partition "+have+", and the role is in "+match[1])
	}
}

var (
	// cliImages have the AWS CLI as their entrypoint.
	cliImages = []string{"amazon/aws-cli", "docker.io/amazon/aws-cli", "public.ecr.aws/aws-cli/aws-cli"}
	// bareImages are official ones without it.
	bareImages = []string{
		"alpine", "alpine/git", "busybox", "debian", "ubuntu", "fedora", "golang", "node", "python", "ruby", "rust", "php", "maven", "gradle", "eclipse-temurin",
		"docker", "bash", "hashicorp/terraform", "curlimages/curl",
	}
	callsAWS    = regexp.MustCompile(`(?:^|[\s;&|($` + "`" + `])aws\s+(?:sts|s3|iam|ecr|configure|ec2|ssm|lambda|cloudformation|ecs|eks|--)`)
	installsAWS = regexp.MustCompile(`aws-?cli|aws/install`)
)

// image looks whether the job's image can run its commands.
func (l *jobLook) image() {
	if l.job.Image == "" {
		return
	}
	name, _, _ := strings.Cut(l.job.Image, "@")
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		name = name[:at]
	}
	if slices.Contains(cliImages, name) {
		if l.job.System == GitLab && l.job.Entrypoint == nil {
			l.find(72, l.job.ImagePlace, "", "the image "+name+" has aws as its entrypoint, which takes the job's shell for an argument")
		}
		return
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
	if !slices.Contains(bareImages, name) || slices.ContainsFunc(l.job.Scripts, func(s Script) bool { return installsAWS.MatchString(s.Text) }) {
		return
	}
	for _, script := range l.job.Scripts {
		if callsAWS.MatchString(script.Text) {
			l.find(72, script.Place, "", "the job calls aws, which the image "+name+" does not have, and nothing installs it")
			return
		}
	}
}
