package iam_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWire fixes replies to the byte: names, order and namespace are those of
// the public service model, documents are percent-encoded.
func TestWire(t *testing.T) {
	t.Parallel()
	f := start(t)
	varying := regexp.MustCompile(`(AROA|ANPA)[A-Z2-7]{17}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	names := map[byte]string{'A': "ID", '2': "TIME"}
	check := func(want, action string, parameters ...string) {
		t.Helper()
		reply := f.call(t, action, parameters...)
		got := varying.ReplaceAllStringFunc(reply.Body, func(s string) string {
			if len(s) == 36 {
				return "REQUEST"
			}
			return names[s[0]]
		})
		if diff := cmp.Diff(want, got); diff != "" || reply.Status != http.StatusOK || reply.Header.Get("Content-Type") != "text/xml" {
			t.Errorf("%s: %d %s (-want +got):\n%s", action, reply.Status, reply.Header.Get("Content-Type"), diff)
		}
	}
	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`
	const encoded = `%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22AWS%22%3A%22123456789012%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D`
	role := `    <Path>/</Path>
      <RoleName>deploy</RoleName>
      <RoleId>ID</RoleId>
      <Arn>arn:aws:iam::123456789012:role/deploy</Arn>
      <CreateDate>TIME</CreateDate>
      <AssumeRolePolicyDocument>` + encoded + `</AssumeRolePolicyDocument>
`
	check(`<CreateRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <CreateRoleResult>
    <Role>
  `+role+`    </Role>
  </CreateRoleResult>
  <ResponseMetadata>
    <RequestId>REQUEST</RequestId>
  </ResponseMetadata>
</CreateRoleResponse>
`, "CreateRole", "RoleName", "deploy", "AssumeRolePolicyDocument", trust, "Description", "R&D")
	check(`<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <GetRoleResult>
    <Role>
  `+role+`      <Description>R&amp;D</Description>
      <MaxSessionDuration>3600</MaxSessionDuration>
      <RoleLastUsed>
      </RoleLastUsed>
    </Role>
  </GetRoleResult>
  <ResponseMetadata>
    <RequestId>REQUEST</RequestId>
  </ResponseMetadata>
</GetRoleResponse>
`, "GetRole", "RoleName", "deploy")
	check(`<PutRolePolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <ResponseMetadata>
    <RequestId>REQUEST</RequestId>
  </ResponseMetadata>
</PutRolePolicyResponse>
`, "PutRolePolicy", "RoleName", "deploy", "PolicyName", "p", "PolicyDocument", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::a b+c~*"}}`)
	check(`<GetRolePolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <GetRolePolicyResult>
    <RoleName>deploy</RoleName>
    <PolicyName>p</PolicyName>
    <PolicyDocument>%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Deny%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22arn%3Aaws%3As3%3A%3A%3Aa%20b%2Bc~%2A%22%7D%7D</PolicyDocument>
  </GetRolePolicyResult>
  <ResponseMetadata>
    <RequestId>REQUEST</RequestId>
  </ResponseMetadata>
</GetRolePolicyResponse>
`, "GetRolePolicy", "RoleName", "deploy", "PolicyName", "p")
	check(`<ListRolePoliciesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <ListRolePoliciesResult>
    <PolicyNames>
      <member>p</member>
    </PolicyNames>
    <IsTruncated>false</IsTruncated>
  </ListRolePoliciesResult>
  <ResponseMetadata>
    <RequestId>REQUEST</RequestId>
  </ResponseMetadata>
</ListRolePoliciesResponse>
`, "ListRolePolicies", "RoleName", "deploy")
	policy := `<PolicyName>read</PolicyName>
      <PolicyId>ID</PolicyId>
      <Arn>arn:aws:iam::123456789012:policy/ci/read</Arn>
      <Path>/ci/</Path>
      <DefaultVersionId>v1</DefaultVersionId>
      <AttachmentCount>0</AttachmentCount>
      <PermissionsBoundaryUsageCount>0</PermissionsBoundaryUsageCount>
      <IsAttachable>true</IsAttachable>
`
	dates := `      <CreateDate>TIME</CreateDate>
      <UpdateDate>TIME</UpdateDate>
`
	check(`<CreatePolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <CreatePolicyResult>
    <Policy>
      `+policy+dates+`    </Policy>
  </CreatePolicyResult>
  <ResponseMetadata>
    <RequestId>REQUEST</RequestId>
  </ResponseMetadata>
</CreatePolicyResponse>
`, "CreatePolicy", "PolicyName", "read", "Path", "/ci/", "PolicyDocument", readPolicy, "Description", "reads")
	check(`<GetPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <GetPolicyResult>
    <Policy>
      `+policy+`      <Description>reads</Description>
`+dates+`      <Tags>
      </Tags>
    </Policy>
  </GetPolicyResult>
  <ResponseMetadata>
    <RequestId>REQUEST</RequestId>
  </ResponseMetadata>
</GetPolicyResponse>
`, "GetPolicy", "PolicyArn", "arn:aws:iam::123456789012:policy/ci/read")
}
