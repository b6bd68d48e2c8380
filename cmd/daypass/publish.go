package main

import (
	"github.com/spf13/cobra"
)

func newPublishCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "publish",
		Short: "Publish the OpenID configuration and keys of an issuer that is not public",
		Long: `Publish the OpenID configuration and the keys of a GitLab instance that is not
public, where AWS and others can read them: in a bucket, or in a directory that a
web server serves. Whoever can change what is published can enter every account
that trusts it, so no key is published that was not proven or approved, and each
change is told in a ledger that anybody can verify.

AWS needs that. A Daypass server does not: a provider whose keys are pinned from a
file (keysFile) or read from inside (discoveryUrl) is published nowhere.`,
	}
	group(c)
	c.AddCommand(newPublishPlan(), newPublishApply(), newPublishVerify(), newPublishStageKey(), newPublishRotate(), newPublishRevoke(), newPublishWatch())
	c.AddCommand(newPublishValidate(), newPublishBucket(), newPublishGitLabSettings())
	return c
}
