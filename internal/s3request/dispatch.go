package s3request

import (
	"slices"
	"strconv"
	"strings"
)

// Parameters with a meaning of their own.
const (
	versionParameter = "versionId"
	uploadParameter  = "uploadId"
	partParameter    = "partNumber"
	listParameter    = "list-type"
	selectParameter  = "select-type"
	keysParameter    = "max-keys"
)

// dispatch finds the one row that the request is.
func (op *Operation) dispatch(method string) (*row, error) {
	sub, err := op.subResource()
	if err != nil {
		return nil, err
	}
	_, copies := op.headers[copySource]
	found, err := op.find(method, sub, copies)
	if err != nil {
		return nil, err
	}
	if found.refused != "" {
		return nil, notImplemented(found.name + " (" + found.refused + ")")
	}
	for _, name := range sortedKeys(op.parameters) {
		if err := op.checkParameter(found, name); err != nil {
			return nil, err
		}
	}
	if found.name == "PostObject" && !op.isForm() {
		return nil, fail(412, "PreconditionFailed", conditionMessage, Element{"Condition", formMessage})
	}
	return found, nil
}

// subResource finds the sub-resource that the query names. Two conflict.
func (op *Operation) subResource() (string, error) {
	var named []string
	for name := range op.parameters {
		if _, known := subResources[name]; known {
			named = append(named, name)
		}
	}
	_, part := op.parameters[partParameter]
	_, upload := op.parameters[uploadParameter]
	if part && len(named) > 0 && !upload {
		named = append(named, partParameter)
	}
	switch {
	case len(named) > 1:
		return "", conflict(named)
	case part && op.On == Bucket:
		return "", invalidRequest(partOfNone)
	case len(named) == 1:
		return named[0], nil
	default:
		return "", nil
	}
}

// find looks the row up. A request that names none is refused as S3 refuses it
// where that is recorded, else by its method.
func (op *Operation) find(method, sub string, copies bool) (*row, error) {
	copies = copies && op.canCopy(method, sub)
	var plain, with, lacks *row
	var allow []string
	known := false
	for i := range table {
		r := &table[i]
		if r.sub == sub && sub != "" {
			known = known || r.on == op.On
		}
		if r.sub != sub || r.on != op.On {
			continue
		}
		if !slices.Contains(allow, r.method) && r.refused == "" {
			allow = append(allow, r.method)
		}
		if r.method != method || r.copies != copies {
			continue
		}
		if _, there := op.parameters[r.with]; r.with == "" {
			plain = r
		} else if there {
			with = r
		} else {
			lacks = r
		}
	}
	_, part := op.parameters[partParameter]
	switch {
	case sub == uploadParameter && part && method != "PUT":
		return nil, methodNotAllowed(method, "PART", []string{"PUT"})
	case with != nil:
		return with, nil
	case plain != nil:
		return plain, nil
	case sub != "" && !known:
		return nil, op.elsewhere(method, sub)
	case lacks != nil && sub != "" && sub != uploadParameter:
		return nil, invalidRequest("Missing required query parameter for " + lacks.name + ": " + lacks.with)
	}
	resource := strings.ToUpper(op.On.String())
	if sub != "" {
		resource = subResources[sub]
	}
	return nil, methodNotAllowed(method, resource, allow)
}

// canCopy tells whether x-amz-copy-source makes another operation of a request.
// Where it does not, the operation is found without it, and the header refused.
func (op *Operation) canCopy(method, sub string) bool {
	for i := range table {
		if r := &table[i]; r.copies && r.method == method && r.sub == sub && r.on == op.On {
			return true
		}
	}
	return false
}

// elsewhere refuses a sub-resource that only another kind of resource has. S3
// answers some of them for the bucket, whatever the key (recorded): such a
// request says two things.
func (op *Operation) elsewhere(method, sub string) error {
	switch {
	case op.On == Bucket && sub == uploadParameter:
		return invalidRequest(keyMissingMessage)
	case op.On == Object && sub == "logging":
		return fail(400, "NoLoggingStatusForKey", "There is no such thing as the ?logging sub-resource for a key")
	case op.On == Object:
		return invalidRequest("There is no such thing as the ?" + sub + " sub-resource for a key")
	default:
		return methodNotAllowed(method, subResources[sub], nil)
	}
}

// checkParameter refuses a parameter that the operation does not have.
func (op *Operation) checkParameter(r *row, name string) error {
	value := op.parameters[name]
	switch {
	case name == operationParameter:
		return checkOperationParameter(r, value)
	case r.takes(name), isPlainParameter(name):
	case name == versionParameter:
		return invalidArgument(versionMessage, name, value)
	case name == partParameter:
		return invalidArgument(partAloneMessage, name, value)
	case name == "continuation-token" && r.name == "ListObjects":
		return fail(400, "InvalidArgument", "continuation-token only supported in REST.GET.BUCKET with list-type=2", Element{"ArgumentName", name})
	case name == "start-after" && r.name == "ListObjects":
		return fail(400, "InvalidArgument", "startAfter only supported in REST.GET.BUCKET with list-type=2", Element{"ArgumentName", name})
	case name == "marker" && r.name == "ListObjectsV2":
		return fail(400, "InvalidArgument", "Marker unsupported with REST.GET.BUCKET in list-type=2", Element{"ArgumentName", name})
	default:
		return unexpected(name)
	}
	return nil
}

func checkOperationParameter(r *row, name string) error {
	if name == r.name {
		return nil
	}
	for i := range table {
		if table[i].name == name && table[i].refused != "" {
			return notImplemented(name + " (" + table[i].refused + ")")
		}
	}
	return invalidArgument(unexpectedMessage, operationParameter, name)
}

// isForm asks for a form with a file (S3 API Reference, "POST Object").
func (op *Operation) isForm() bool {
	mediaType, _, _ := strings.Cut(op.headers["content-type"], ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "multipart/form-data")
}

// readParameters reads the parameters that have a form.
func (op *Operation) readParameters() error {
	for _, p := range []struct{ name, value, message string }{
		{listParameter, "2", unexpectedMessage},
		{selectParameter, "2", unexpectedMessage},
		{"website", "", websiteMessage},
		{"encoding-type", "url", encodingMessage},
	} {
		if value, ok := op.parameters[p.name]; ok && value != p.value {
			return invalidArgument(p.message, p.name, value)
		}
	}
	if value, ok := op.parameters[versionParameter]; ok {
		if value == "" {
			return invalidArgument(emptyVersion, versionParameter, "")
		}
		op.VersionID = value
	}
	if value, ok := op.parameters[uploadParameter]; ok {
		if value == "" {
			return fail(404, "NoSuchUpload", noUploadMessage, Element{"UploadId", value})
		}
		op.UploadID = value
	}
	if value, ok := op.parameters[partParameter]; ok {
		n, plain := number(value)
		if !plain || n < 1 || n > 10000 {
			return invalidArgument(partMessage, partParameter, value)
		}
		op.PartNumber = n
	}
	for _, name := range []string{"id", "annotationName"} {
		if value, ok := op.parameters[name]; ok && value == "" {
			return invalidArgument("The "+name+" parameter must not be empty", name, "")
		}
	}
	return op.readMaxKeys()
}

// readMaxKeys keeps max-keys as S3 reads it: without leading zeros; an empty one
// is none (recorded on S3).
func (op *Operation) readMaxKeys() error {
	value, ok := op.parameters[keysParameter]
	switch n, plain := number(strings.TrimPrefix(value, "-")); {
	case !ok:
	case value == "":
		delete(op.parameters, keysParameter)
	case !plain:
		return invalidArgument("Provided max-keys not an integer or within integer range", keysParameter, value)
	case value[0] == '-' && n != 0:
		return invalidArgument("Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys", "-"+strconv.Itoa(n))
	default:
		op.parameters[keysParameter] = strconv.Itoa(n)
	}
	return nil
}

// number reads ASCII digits up to 2147483647.
func number(s string) (int, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return int(n), err == nil
}
