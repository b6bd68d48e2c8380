package iam

import (
	"fmt"
	"net/http"

	"github.com/daypass/daypass/internal/awsapi"
)

// Codes and statuses of the service model. The messages are AWS's, recorded or
// reported by users, except where a comment says otherwise.

func noSuchEntity(format string, args ...any) *awsapi.Fault {
	return awsapi.Error(http.StatusNotFound, "NoSuchEntity", fmt.Sprintf(format, args...))
}

func noSuchRole(name string) *awsapi.Fault {
	return noSuchEntity("The role with name %s cannot be found.", name)
}

func noSuchPolicy(policyARN string) *awsapi.Fault {
	return noSuchEntity("Policy %s was not found.", policyARN)
}

func alreadyExists(format string, args ...any) *awsapi.Fault {
	return awsapi.Error(http.StatusConflict, "EntityAlreadyExists", fmt.Sprintf(format, args...))
}

func deleteConflict(message string) *awsapi.Fault {
	return awsapi.Error(http.StatusConflict, "DeleteConflict", message)
}

func limitExceeded(format string, args ...any) *awsapi.Fault {
	return awsapi.Error(http.StatusConflict, "LimitExceeded", fmt.Sprintf(format, args...))
}

func invalidInput(message string) *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "InvalidInput", message)
}

// concurrentModification answers a write whose object is, in the transaction,
// not the one that the caller was allowed to change: it was made again, or under
// another path or spelling, in the meantime. The caller is asked for once more on the
// newest state; a client hears of it only where that is overtaken too. The message is
// Daypass's own.
func concurrentModification(name string) *awsapi.Fault {
	f := awsapi.Error(http.StatusConflict, "ConcurrentModification",
		name+" was replaced by another request at the same time. Send the request again.")
	f.Overtaken = true
	return f
}
