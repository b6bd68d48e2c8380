# sh $JOB PERMISSIONS gives a script what a job has: the role "job", which main of
# mygroup/myproject may assume and which may what PERMISSIONS says, and temporary
# credentials of it, in the file job.credentials. The server is at $ENDPOINT, with
# its data in data, and the issuer at $ISSUER, in issuer.
set -eu
host=${ISSUER#https://}
administrator() { AWS_SHARED_CREDENTIALS_FILE=data/credentials aws --endpoint-url "$ENDPOINT" "$@" >/dev/null; }

cat >job-trust.json <<END
{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
  "Principal": {"Federated": "arn:aws:iam::000000000000:oidc-provider/$host"},
  "Condition": {"StringEquals": {"$host:sub": "project_path:mygroup/myproject:ref_type:branch:ref:main"}}}]}
END
administrator iam create-open-id-connect-provider --url "$ISSUER" --client-id-list sts.amazonaws.com --thumbprint-list '[]'
administrator iam create-role --role-name job --assume-role-policy-document file://job-trust.json
administrator iam put-role-policy --role-name job --policy-name job --policy-document "file://$1"

token=$(daypass ci token --issuer issuer --project mygroup/myproject --branch main --aud sts.amazonaws.com)
credentials=$(aws --endpoint-url "$ENDPOINT" sts assume-role-with-web-identity --role-arn arn:aws:iam::000000000000:role/job \
	--role-session-name s3 --web-identity-token "$token" --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)
# shellcheck disable=SC2086 # three words
printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n' $credentials >job.credentials
