package ci

// effect says what this package makes of a keyword that GitLab knows.
type effect int

const (
	unknown     effect = iota // GitLab does not know it either: an error
	supported                 // read into the Job
	noEffect                  // accepted with a warning: it cannot change the picked job
	unsupported               // refused by name: it could change the job
)

// keyword is one row of the tables below.
type keyword struct {
	effect effect
	why    string // for noEffect: what the reader should know
}

const (
	onlyOneJob  = "only the picked job runs"
	noScheduler = "the job starts at once, here"
)

// jobKeywords are the keywords of a job.
//
// Source: GitLab Docs, "CI/CD YAML syntax reference", job keywords, 2026-11.
var jobKeywords = map[string]keyword{
	"after_script":  {effect: supported},
	"before_script": {effect: supported},
	"environment":   {effect: supported},
	"extends":       {effect: supported},
	"id_tokens":     {effect: supported},
	"script":        {effect: supported},
	"stage":         {effect: supported},
	"timeout":       {effect: supported},
	"variables":     {effect: supported},
	"image":         {effect: supported},
	"when":          {effect: supported},
	"cache":         {effect: supported}, // an empty one

	"allow_failure":       {noEffect, "it changes the pipeline's status, not the job's"},
	"artifacts":           {noEffect, "nothing is uploaded, the files stay in the project directory"},
	"coverage":            {noEffect, "coverage is not read from the output"},
	"dependencies":        {noEffect, onlyOneJob},
	"description":         {noEffect, "it is for readers"},
	"interruptible":       {noEffect, onlyOneJob},
	"manual_confirmation": {noEffect, noScheduler},
	"needs":               {noEffect, onlyOneJob},
	"resource_group":      {noEffect, onlyOneJob},
	"retry":               {noEffect, "a failed job is not run again"},
	"start_in":            {noEffect, noScheduler},
	"tags":                {noEffect, "the job runs on this machine"},

	"dast_configuration": {effect: unsupported},
	"except":             {effect: unsupported},
	"hooks":              {effect: unsupported},
	"identity":           {effect: unsupported},
	"inherit":            {effect: unsupported},
	"inputs":             {effect: unsupported},
	"only":               {effect: unsupported},
	"pages":              {effect: unsupported},
	"parallel":           {effect: unsupported},
	"publish":            {effect: unsupported},
	"release":            {effect: unsupported},
	"rules":              {effect: unsupported},
	"run":                {effect: unsupported},
	"secrets":            {effect: unsupported},
	"services":           {effect: unsupported},
	"trigger":            {effect: unsupported},
}

// defaultKeywords are the keywords that default takes; their meaning is that of
// the job keyword. Source: same page, "default".
var defaultKeywords = []string{
	"after_script", "artifacts", "before_script", "cache", "hooks", "id_tokens", "identity", "image",
	"interruptible", "retry", "services", "tags", "timeout",
}

// globalKeywords are the top-level keywords that are not jobs. The last row is
// of the deprecated ones, which mean the same as in default.
var globalKeywords = map[string]keyword{
	"default":   {effect: supported},
	"stages":    {effect: supported},
	"variables": {effect: supported},
	"include":   {effect: unsupported},
	"workflow":  {effect: unsupported},
	"spec":      {effect: unsupported},

	"image":         {effect: supported},
	"before_script": {effect: supported},
	"after_script":  {effect: supported},
	"services":      {effect: unsupported},
	"cache":         {effect: supported},
}

func isGlobal(name string) bool {
	_, ok := globalKeywords[name]
	return ok
}

// reservedNames are the names that no job may have. Source: same page, "Use
// keywords as job names": those that are not top-level keywords already.
var reservedNames = []string{"types", "true", "false", "nil", "pages:deploy"}
