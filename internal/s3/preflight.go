package s3

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/s3request"
	"github.com/daypass/daypass/internal/store"
)

// The two questions of a browser: may the page send this request (the preflight,
// by OPTIONS, which nobody signs and no policy decides), and may it read the reply
// (by the headers of every reply to a request with an Origin, errors among them).
// Neither lets anything in: a request that was answered here is decided upon as any
// other. Recorded on S3 by others in 2023 to 2025: order, codes, words and headers.

// corsVary are the headers that a reply with CORS in it depends on.
const corsVary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

// bucketAndKey are those that the request names, whatever else it is.
func (q *request) bucketAndKey() (bucket, key string, err error) {
	var hosts []string
	if q.handler.isOurs(q.Request.Host) {
		hosts = q.handler.Hosts
	}
	return s3request.BucketAndKey(&s3request.Request{Host: q.Request.Host, RequestURI: q.Request.RequestURI}, hosts...)
}

// preflight answers OPTIONS. The name in the event is that of CloudTrail's event.
func (q *request) preflight() (*answer, error) {
	q.Event.Operation = "PreflightRequest"
	bucket, key, err := q.bucketAndKey()
	if err != nil {
		return nil, err
	}
	origin, asked := q.Request.Header.Get("Origin"), q.Request.Header.Get("Access-Control-Request-Method")
	if origin == "" {
		return nil, fault("BadRequest", http.StatusBadRequest, "Insufficient information. Origin request header needed.")
	}
	if asked != "" && !slices.Contains(corsMethods, asked) {
		return nil, fault("BadRequest", http.StatusBadRequest, "Invalid Access-Control-Request-Method: "+short(asked))
	}
	method, resource := asked, "BUCKET"
	if method == "" {
		method = http.MethodOptions
	}
	forbidden := func(sentence string) *refused {
		return fault("AccessForbidden", http.StatusForbidden, "CORSResponse: "+sentence).with("Method", method).with("ResourceType", resource)
	}
	at, err := q.place(bucket)
	switch {
	case bucket == "", err != nil: // of a store that is not configured any more, too
		return nil, forbidden("Bucket not found").because(err)
	case at.bucket == nil || len(at.bucket.CORS) == 0:
		return nil, forbidden("CORS is not enabled for this bucket.")
	case asked == "":
		return nil, fault("BadRequest", http.StatusBadRequest, "Invalid Access-Control-Request-Method: null")
	}
	allowed := allowedBy(at.bucket.CORS, q.Request.Header, method)
	if allowed == nil {
		if key != "" {
			resource = "OBJECT"
		}
		return nil, forbidden("This CORS request is not allowed. This is usually because the evalution of Origin, request method / " +
			"Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.")
	}
	a := empty(http.StatusOK)
	a.header = allowed
	return a, nil
}

// tellOrigin adds to a reply whether the page of another origin may read it. A
// store's own headers of this kind are not told: it has no say here. On an actual
// request too it is the Access-Control-Request- headers that count, if there are
// any.
func (q *request) tellOrigin(a *answer) {
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") && q.Request.Method != http.MethodOptions {
			a.header.Del(name)
		}
	}
	if q.Request.Header.Get("Origin") == "" || q.Request.Method == http.MethodOptions {
		return
	}
	bucket, _, err := q.bucketAndKey()
	if err != nil {
		return
	}
	record, ok := q.Snapshot.Bucket(bucket)
	if !ok {
		return
	}
	method := q.Request.Header.Get("Access-Control-Request-Method")
	if method == "" {
		method = q.Request.Method
	}
	for name, values := range allowedBy(record.CORS, q.Request.Header, method) {
		a.header[name] = append(a.header[name], values...)
	}
}

// allowedBy are the headers that the first rule which allows the request gives its
// reply, nil if none does.
func allowedBy(rules []store.CORSRule, asked http.Header, method string) http.Header {
	names := headerNames(asked.Values("Access-Control-Request-Headers"))
	for i := range rules {
		r := &rules[i]
		origin := allowedOrigin(r.AllowedOrigins, asked.Get("Origin"))
		if origin == "" || !slices.Contains(r.AllowedMethods, method) ||
			slices.ContainsFunc(names, func(name string) bool { return !allowsHeader(r.AllowedHeaders, name) }) {
			continue
		}
		header := http.Header{}
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Allow-Methods", strings.Join(r.AllowedMethods, ", "))
		if len(names) > 0 {
			header.Set("Access-Control-Allow-Headers", strings.Join(names, ", "))
		}
		if len(r.ExposeHeaders) > 0 {
			header.Set("Access-Control-Expose-Headers", strings.Join(r.ExposeHeaders, ", "))
		}
		if r.MaxAgeSeconds != nil {
			header.Set("Access-Control-Max-Age", strconv.Itoa(int(*r.MaxAgeSeconds)))
		}
		if origin != "*" {
			header.Set("Access-Control-Allow-Credentials", "true")
		}
		header.Set("Vary", corsVary)
		return header
	}
	return nil
}

// headerNames are the names of Access-Control-Request-Headers, in lower case, as
// the reply repeats them.
func headerNames(lines []string) []string {
	var names []string
	for name := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// allowedOrigin is what the reply says of the origin: "*" where the pattern that
// it matches first is that alone, "" where it matches none. Case counts.
func allowedOrigin(patterns []string, origin string) string {
	for _, pattern := range patterns {
		switch {
		case pattern == "*":
			return "*"
		case matchesOne(pattern, origin):
			return origin
		}
	}
	return ""
}

func allowsHeader(patterns []string, name string) bool {
	return isToken(name) && slices.ContainsFunc(patterns, func(pattern string) bool { return matchesOne(strings.ToLower(pattern), name) })
}

// matchesOne matches a pattern in which at most one "*" stands for any text, the
// empty one included.
func matchesOne(pattern, text string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	return len(text) >= len(before)+len(after) && strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
}
