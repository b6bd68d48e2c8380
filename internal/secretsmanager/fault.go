package secretsmanager

import (
	"fmt"
	"net/http"

	"github.com/daypass/daypass/internal/awsapi"
)

// Sentences are AWS's where users published them. Where they did not, the
// sentence is ours, and the code that of the operation's page in the API
// Reference: clients go by codes.

func notFound() *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func noVersion(what, which string) *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "ResourceNotFoundException",
		"Secrets Manager can't find the specified secret value for "+what+": "+which)
}

func markedForDeletion() *awsapi.Fault {
	return invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
}

func invalidRequest(message string) *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "InvalidRequestException", message)
}

func invalidParameter(format string, args ...any) *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "InvalidParameterException", fmt.Sprintf(format, args...))
}

func exists(format string, args ...any) *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "ResourceExistsException", fmt.Sprintf(format, args...))
}

func limitExceeded(format string, args ...any) *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "LimitExceededException", fmt.Sprintf(format, args...))
}

func malformedPolicy(format string, args ...any) *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "MalformedPolicyDocumentException", fmt.Sprintf(format, args...))
}

func invalidNextToken() *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "InvalidNextTokenException", "The NextToken value is invalid.")
}

// cannotDecrypt is told where a value does not open; there is nothing that a
// caller could do about it.
func cannotDecrypt(cause error) *awsapi.Fault {
	f := awsapi.Error(http.StatusBadRequest, "DecryptionFailure",
		"Secrets Manager can't decrypt the protected secret text using the provided KMS key.").
		Because("the value does not open under this master key: its record was changed or moved, or sealed under another key")
	f.Cause = cause
	return f
}
