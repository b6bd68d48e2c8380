package s3request

import "strings"

// bucketOfHost finds the bucket that a host names, and whether it names one. Of
// hosts that end alike the longest counts, so that the name of an endpoint is
// never a bucket of a shorter one.
func bucketOfHost(host string, hosts []string) (bucket string, virtual, ok bool) {
	if len(hosts) == 0 {
		return "", false, true
	}
	host = strings.ToLower(host)
	name := withoutPort(host)
	longest := 0
	for _, base := range hosts {
		base = strings.ToLower(base)
		is := name
		if base != withoutPort(base) {
			is = host
		}
		if is == base {
			return "", false, true
		}
		below, found := strings.CutSuffix(is, "."+base)
		if found && len(base) > longest {
			bucket, virtual, longest = below, true, len(base)
		}
	}
	return bucket, virtual, virtual
}

// withoutPort cuts the port from a host; an IPv6 address keeps its brackets.
func withoutPort(host string) string {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.IndexByte(host[colon:], ']') >= 0 {
		return host
	}
	for _, c := range host[colon+1:] {
		if c < '0' || c > '9' {
			return host
		}
	}
	return host[:colon]
}

// ValidBucketName reports whether a bucket can have this name: 3 to 63 lower
// case letters, digits, dots and hyphens, first and last a letter or digit, no
// two dots in a row, not like an IPv4 address (S3 User Guide, "General purpose
// bucket naming rules"). Names that only new buckets may not have pass.
func ValidBucketName(name string) bool {
	if len(name) < 3 || len(name) > 63 || strings.Contains(name, "..") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c != '.' && c != '-', i == 0, i == len(name)-1:
			return false
		}
	}
	return !isLikeIPv4(name)
}

// isLikeIPv4 is four numbers with dots between, whatever the numbers.
func isLikeIPv4(name string) bool {
	return strings.Count(name, ".") == 3 && strings.Trim(name, "0123456789.") == ""
}

// reservedPrefixes are those that no new bucket may have (the same page).
var reservedPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}

// otherSuffixes end the names of things that are no general purpose buckets,
// and that requests may name in a bucket's place (the same page).
var otherSuffixes = []struct{ suffix, what string }{
	{"--x-s3", "directory buckets (S3 Express One Zone)"},
	{"--xa-s3", "access points of directory buckets (S3 Express One Zone)"},
	{"-s3alias", "access point aliases"},
	{"--ol-s3", "Object Lambda access point aliases"},
	{".mrap", "Multi-Region Access Points"},
	{"--table-s3", "table buckets (S3 Tables)"},
}

// otherLabels are labels of hosts that belong to other services.
var otherLabels = []struct{ prefix, what string }{
	{"s3-accesspoint", "access points"},
	{"s3-object-lambda", "Object Lambda access points"},
	{"s3-control", "S3 Control"},
	{"s3-outposts", "S3 on Outposts"},
	{"s3express", "S3 Express One Zone"},
	{"s3tables", "S3 Tables"},
	{"s3vectors", "S3 Vectors"},
	{"s3-website", "website endpoints"},
}

// otherResource names what a name in a bucket's place is, if it is no bucket.
func otherResource(name string) (string, bool) {
	if len(name) >= 4 && strings.EqualFold(name[:4], "arn:") {
		return "ARNs in the place of a bucket's name (access points, Outposts)", true
	}
	for _, o := range otherSuffixes {
		if strings.HasSuffix(name, o.suffix) {
			return o.what, true
		}
	}
	return "", false
}

// otherHost names the service that a host belongs to, if it is not S3's.
func otherHost(host string) (string, bool) {
	for label := range strings.SplitSeq(strings.ToLower(withoutPort(host)), ".") {
		for _, o := range otherLabels {
			if strings.HasPrefix(label, o.prefix) {
				return o.what, true
			}
		}
	}
	return "", false
}

// refuseOthers refuses by name what belongs to S3's neighbours.
func (op *Operation) refuseOthers(t *target) error {
	if what, other := otherResource(t.bucket); other {
		return notImplemented(what)
	}
	if !t.virtual && t.bucket == "v20180820" {
		return notImplemented("S3 Control")
	}
	if !t.virtual && t.bucket == "WriteGetObjectResponse" {
		return notImplemented("WriteGetObjectResponse (Object Lambda)")
	}
	for name := range op.headers {
		for _, o := range otherHeaders {
			if strings.HasPrefix(name, o.prefix) {
				return notImplemented(o.what)
			}
		}
	}
	return nil
}

// checkNames looks at bucket and key by S3's rules.
func (op *Operation) checkNames() error {
	if op.On == Service {
		return nil
	}
	valid := ValidBucketName(op.Bucket)
	if op.Name == "CreateBucket" {
		for _, prefix := range reservedPrefixes {
			valid = valid && !strings.HasPrefix(op.Bucket, prefix)
		}
	}
	if !valid {
		return invalidBucketName(op.Bucket)
	}
	if len(op.Key) > MaxKeyLength {
		return keyTooLong(len(op.Key))
	}
	return nil
}
