# sh $TOUR BUCKET goes through what S3 does with a bucket, by aws s3api, as whoever
# the environment says, at $ENDPOINT. It makes BUCKET and BUCKET-locked, and leaves
# them. "basic" behind it leaves out what not every store does as S3 does.
set -eu
bucket=$1
basic=${2-}
tmp=tour-$bucket
mkdir "$tmp"
printf 'hello\n' >"$tmp/f"
printf 'other\n' >"$tmp/g"

api() { aws --endpoint-url "$ENDPOINT" s3api "$@"; }

# is WANTED COMMAND… asks for the text that a command prints.
is() {
	wanted=$1
	shift
	got=$(api "$@" --output text | tr '\t\n' '  ' | sed 's/ *$//')
	if [ "$got" != "$wanted" ]; then
		echo "$*: $got, want $wanted" >&2
		exit 1
	fi
}

# fails CODE COMMAND… asks for a refusal with that code.
fails() {
	code=$1
	shift
	if api "$@" >"$tmp/out" 2>"$tmp/err"; then
		echo "$*: succeeds, want $code" >&2
		exit 1
	fi
	if ! grep -q "($code)" "$tmp/err"; then
		echo "$*: want $code" >&2
		cat "$tmp/err" >&2
		exit 1
	fi
}

# knows OPTION COMMAND asks whether this CLI has an option; older ones lack some.
knows() { ! api "$2" "$1" '"x"' --bucket "$bucket" --key none 2>&1 | grep -q 'Unknown options'; }

# What a bucket was never told.
api create-bucket --bucket "$bucket" >"$tmp/out"
fails NoSuchCORSConfiguration get-bucket-cors --bucket "$bucket"
fails NoSuchLifecycleConfiguration get-bucket-lifecycle-configuration --bucket "$bucket"
fails ServerSideEncryptionConfigurationNotFoundError get-bucket-encryption --bucket "$bucket"
is BucketOwner get-bucket-request-payment --bucket "$bucket"
is '' get-bucket-logging --bucket "$bucket"
is None list-bucket-metrics-configurations --bucket "$bucket" --query MetricsConfigurationList
fails NoSuchConfiguration get-bucket-inventory-configuration --bucket "$bucket" --id x
api put-bucket-request-payment --bucket "$bucket" --request-payment-configuration Payer=BucketOwner
fails NotImplemented put-bucket-lifecycle-configuration --bucket "$bucket" --lifecycle-configuration 'Rules=[{ID=a,Status=Enabled,Prefix=,Expiration={Days=1}}]'
grep -q 'Lifecycle rules are not served' "$tmp/err"
api delete-bucket-lifecycle --bucket "$bucket"

# Objects: metadata, ranges, conditions.
api put-object --bucket "$bucket" --key k --body "$tmp/f" --metadata a=b --content-type text/x --cache-control no-store --website-redirect-location /there >"$tmp/out"
is 'b text/x no-store /there None' head-object --bucket "$bucket" --key k --query '[Metadata.a,ContentType,CacheControl,WebsiteRedirectLocation,StorageClass]'
is 'bytes 1-3/6' get-object --bucket "$bucket" --key k --range bytes=1-3 --query ContentRange "$tmp/out"
test "$(cat "$tmp/out")" = ell
fails InvalidRange get-object --bucket "$bucket" --key k --range bytes=9- "$tmp/out"
fails PreconditionFailed get-object --bucket "$bucket" --key k --if-match '"x"' "$tmp/out"
fails 304 get-object --bucket "$bucket" --key k --if-none-match '"b1946ac92492d2347c6235b4d2611184"' "$tmp/out"
if knows --if-none-match put-object; then
	fails PreconditionFailed put-object --bucket "$bucket" --key k --body "$tmp/g" --if-none-match '*'
	api put-object --bucket "$bucket" --key k --body "$tmp/g" --if-match '"b1946ac92492d2347c6235b4d2611184"' >"$tmp/out"
	api put-object --bucket "$bucket" --key k --body "$tmp/f" --metadata a=b >"$tmp/out"
fi
if knows --if-match delete-object; then
	fails PreconditionFailed delete-object --bucket "$bucket" --key k --if-match '"x"'
fi
if [ -z "$basic" ]; then
	fails NotImplemented put-object --bucket "$bucket" --key w --body "$tmp/f" --storage-class STANDARD_IA
	grep -q 'not implemented: x-amz-storage-class' "$tmp/err"
fi
fails InvalidObjectState restore-object --bucket "$bucket" --key k --restore-request Days=1

# Checksums that this CLI computes.
for sum in CRC32:NjowIA== SHA1:9XLTlvrpIGYocU+yzgD3LpTyJY8= SHA256:WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=; do
	is "${sum#*:}" put-object --bucket "$bucket" --key sum --body "$tmp/f" --checksum-algorithm "${sum%%:*}" --query "Checksum${sum%%:*}"
	is "${sum#*:}" get-object-attributes --bucket "$bucket" --key sum --object-attributes Checksum --query "Checksum.Checksum${sum%%:*}"
done
fails BadDigest put-object --bucket "$bucket" --key sum --body "$tmp/f" --content-md5 AAAAAAAAAAAAAAAAAAAAAA==

# Tags, and copies.
api put-object-tagging --bucket "$bucket" --key k --tagging 'TagSet=[{Key=team,Value=red}]' >"$tmp/out"
is 'team red' get-object-tagging --bucket "$bucket" --key k --query 'TagSet[].[Key,Value]'
api copy-object --bucket "$bucket" --key copy --copy-source "$bucket/k" >"$tmp/out"
is b head-object --bucket "$bucket" --key copy --query Metadata.a
is red get-object-tagging --bucket "$bucket" --key copy --query 'TagSet[].Value'
fails InvalidRequest copy-object --bucket "$bucket" --key k --copy-source "$bucket/k"
api copy-object --bucket "$bucket" --key k --copy-source "$bucket/k" --metadata c=d --metadata-directive REPLACE >"$tmp/out"
is 'None d' head-object --bucket "$bucket" --key k --query '[Metadata.a,Metadata.c]'
fails NoSuchKey copy-object --bucket "$bucket" --key copy --copy-source "$bucket/none"
api delete-object-tagging --bucket "$bucket" --key k >"$tmp/out"
is '' get-object-tagging --bucket "$bucket" --key k --query 'TagSet[].Key'

# Parts.
head -c 5242880 /dev/zero >"$tmp/part"
id=$(api create-multipart-upload --bucket "$bucket" --key parts --query UploadId --output text)
other=$(api create-multipart-upload --bucket "$bucket" --key parts --query UploadId --output text)
one=$(api upload-part --bucket "$bucket" --key parts --upload-id "$id" --part-number 1 --body "$tmp/part" --query ETag --output text)
two=$(api upload-part-copy --bucket "$bucket" --key parts --upload-id "$id" --part-number 2 --copy-source "$bucket/k" --copy-source-range bytes=0-2 --query CopyPartResult.ETag --output text)
is '1 2' list-parts --bucket "$bucket" --key parts --upload-id "$id" --page-size 1 --query 'Parts[].PartNumber'
if [ -z "$basic" ]; then # by pages of one, begun first first
	is "$id $other" list-multipart-uploads --bucket "$bucket" --page-size 1 --query 'Uploads[].UploadId'
fi
fails InvalidPart complete-multipart-upload --bucket "$bucket" --key parts --upload-id "$id" --multipart-upload '{"Parts":[{"PartNumber":7,"ETag":"x"}]}'
is "$ENDPOINT/$bucket/parts" complete-multipart-upload --bucket "$bucket" --key parts --upload-id "$id" --query Location \
	--multipart-upload "{\"Parts\":[{\"PartNumber\":1,\"ETag\":$one},{\"PartNumber\":2,\"ETag\":$two}]}"
is '3 2' get-object --bucket "$bucket" --key parts --part-number 2 --query '[ContentLength,PartsCount]' "$tmp/out"
api abort-multipart-upload --bucket "$bucket" --key parts --upload-id "$other"
fails NoSuchUpload list-parts --bucket "$bucket" --key parts --upload-id "$other"

# Keys of all kinds, listed with encoding-type=url, which the CLI always asks for.
for key in 'odd/a b+c%20d' 'odd/ü/日本' "odd/q'\"&<>" 'odd/x?y#z;~*'; do
	api put-object --bucket "$bucket" --key "$key" --body "$tmp/f" >"$tmp/out"
	is 6 get-object --bucket "$bucket" --key "$key" --query ContentLength "$tmp/out"
	is "$key" list-objects-v2 --bucket "$bucket" --prefix "$key" --query 'Contents[].Key'
done
api copy-object --bucket "$bucket" --key odd/copy --copy-source "$bucket/odd/a b+c%20d" >"$tmp/out"
is 'odd/ü/' list-objects-v2 --bucket "$bucket" --prefix odd/ --delimiter / --query 'CommonPrefixes[].Prefix'
if [ -z "$basic" ]; then # which keeps objects in files
	fails InvalidRequest put-object --bucket "$bucket" --key 'a//b' --body "$tmp/f"
	fails InvalidRequest put-object --bucket "$bucket" --key 'a/../../b' --body "$tmp/f"
	fails NoSuchKey get-object --bucket "$bucket" --key 'a//b' "$tmp/out"
fi

# Versions.
api put-bucket-versioning --bucket "$bucket" --versioning-configuration Status=Enabled
first=$(api put-object --bucket "$bucket" --key v --body "$tmp/f" --query VersionId --output text)
second=$(api put-object --bucket "$bucket" --key v --body "$tmp/g" --query VersionId --output text)
marker=$(api delete-object --bucket "$bucket" --key v --query VersionId --output text)
fails NoSuchKey get-object --bucket "$bucket" --key v "$tmp/out"
fails MethodNotAllowed get-object --bucket "$bucket" --key v --version-id "$marker" "$tmp/out"
is "$first" get-object --bucket "$bucket" --key v --version-id "$first" --query VersionId "$tmp/out"
test "$(cat "$tmp/out")" = hello
api put-object-tagging --bucket "$bucket" --key v --version-id "$first" --tagging 'TagSet=[{Key=of,Value=first}]' >"$tmp/out"
is first get-object-tagging --bucket "$bucket" --key v --version-id "$first" --query 'TagSet[].Value'
if [ -z "$basic" ]; then
	# by pages of one, of which the first has the delete marker
	is "None $second $first" list-object-versions --bucket "$bucket" --prefix v --page-size 1 --query 'Versions[].VersionId'
fi
is "$marker" list-object-versions --bucket "$bucket" --prefix v --query 'DeleteMarkers[].VersionId'
api delete-object --bucket "$bucket" --key v --version-id "$marker" >"$tmp/out"
is "$second" head-object --bucket "$bucket" --key v --query VersionId
api put-bucket-versioning --bucket "$bucket" --versioning-configuration Status=Suspended

# Object lock.
api create-bucket --bucket "$bucket-locked" --object-lock-enabled-for-bucket >"$tmp/out"
is 'Enabled None' get-object-lock-configuration --bucket "$bucket-locked" --query 'ObjectLockConfiguration.[ObjectLockEnabled,Rule]'
fails InvalidRequest put-object-retention --bucket "$bucket" --key k --retention Mode=GOVERNANCE,RetainUntilDate=2099-01-01T00:00:00Z
fails InvalidBucketState put-bucket-versioning --bucket "$bucket-locked" --versioning-configuration Status=Suspended
held=$(api put-object --bucket "$bucket-locked" --key h --body "$tmp/f" --object-lock-legal-hold-status ON --query VersionId --output text)
fails AccessDenied delete-object --bucket "$bucket-locked" --key h --version-id "$held" --bypass-governance-retention
api put-object-legal-hold --bucket "$bucket-locked" --key h --legal-hold Status=OFF
api put-object-retention --bucket "$bucket-locked" --key h --retention Mode=GOVERNANCE,RetainUntilDate=2099-01-01T00:00:00Z
is GOVERNANCE get-object-retention --bucket "$bucket-locked" --key h --query Retention.Mode
fails AccessDenied delete-object --bucket "$bucket-locked" --key h --version-id "$held"
api delete-object --bucket "$bucket-locked" --key h --version-id "$held" --bypass-governance-retention >"$tmp/out"
api put-object-lock-configuration --bucket "$bucket-locked" --object-lock-configuration 'ObjectLockEnabled=Enabled,Rule={DefaultRetention={Mode=COMPLIANCE,Days=1}}'
if [ -z "$basic" ]; then
	api put-object --bucket "$bucket-locked" --key d --body "$tmp/f" >"$tmp/out"
	is COMPLIANCE head-object --bucket "$bucket-locked" --key d --query ObjectLockMode
fi

# Pages browsers may read.
api put-bucket-cors --bucket "$bucket" --cors-configuration '{"CORSRules":[{"AllowedOrigins":["https://app.example"],"AllowedMethods":["GET","PUT"],"AllowedHeaders":["*"],"ExposeHeaders":["ETag"],"MaxAgeSeconds":60}]}'
is 'https://app.example' get-bucket-cors --bucket "$bucket" --query 'CORSRules[].AllowedOrigins[]'
url=$(aws --endpoint-url "$ENDPOINT" s3 presign "s3://$bucket/k")
curl -sS -D "$tmp/headers" -o "$tmp/out" -X OPTIONS -H 'Origin: https://app.example' -H 'Access-Control-Request-Method: PUT' -H 'Access-Control-Request-Headers: content-type' "$url"
grep -qi '^HTTP/1.1 200' "$tmp/headers"
grep -qi '^access-control-allow-methods: GET, PUT' "$tmp/headers"
grep -qi '^access-control-allow-headers: content-type' "$tmp/headers"
curl -sS -D "$tmp/headers" -o "$tmp/out" -H 'Origin: https://app.example' "$url"
test "$(cat "$tmp/out")" = hello
grep -qi '^access-control-allow-origin: https://app.example' "$tmp/headers"
grep -qi '^access-control-expose-headers: ETag' "$tmp/headers"
curl -sS -D "$tmp/headers" -o "$tmp/out" -H 'Origin: https://app.example' "${url%%\?*}"
grep -qi '^HTTP/1.1 403' "$tmp/headers"
grep -qi '^access-control-allow-origin: https://app.example' "$tmp/headers"
curl -sS -o "$tmp/out" -X OPTIONS -H 'Origin: https://evil.example' -H 'Access-Control-Request-Method: GET' "$url"
grep -q '<Code>AccessForbidden</Code><Message>CORSResponse: This CORS request is not allowed.' "$tmp/out"
api delete-bucket-cors --bucket "$bucket"
