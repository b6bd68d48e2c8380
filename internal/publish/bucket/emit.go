package bucket

import (
	"encoding/json"
	"fmt"
)

// blocked is the public access block of a bucket that is public by its policy
// and never by ACLs (S3 User Guide, "Blocking public access").
var blocked = map[string]bool{"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": false, "RestrictPublicBuckets": false}

// CloudFormation is a template with the bucket and its policy.
func (l *Layout) CloudFormation() (string, error) {
	template := map[string]any{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "The public documents of an OpenID issuer. Whoever can write here can assume every role that trusts the issuer.",
		"Resources": map[string]any{
			"Bucket": map[string]any{
				"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain",
				"Properties": map[string]any{
					"BucketName":                     l.Bucket,
					"OwnershipControls":              map[string]any{"Rules": []any{map[string]string{"ObjectOwnership": "BucketOwnerEnforced"}}},
					"VersioningConfiguration":        map[string]string{"Status": "Enabled"},
					"PublicAccessBlockConfiguration": blocked,
				},
			},
			"BucketPolicy": map[string]any{
				"Type":           "AWS::S3::BucketPolicy",
				"DeletionPolicy": "Retain",
				"Properties":     map[string]any{"Bucket": map[string]string{"Ref": "Bucket"}, "PolicyDocument": l.Policy()},
			},
		},
	}
	text, err := json.MarshalIndent(template, "", "  ")
	return string(text) + "\n", err
}

// Terraform is a configuration with the bucket and its policy.
func (l *Layout) Terraform() (string, error) {
	text, err := Text(l.Policy())
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`# The public documents of an OpenID issuer. Whoever can write here can assume
# every role that trusts the issuer.
resource "aws_s3_bucket" "issuer" {
  bucket = %q

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_ownership_controls" "issuer" {
  bucket = aws_s3_bucket.issuer.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "issuer" {
  bucket = aws_s3_bucket.issuer.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "issuer" {
  bucket                  = aws_s3_bucket.issuer.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = false
  restrict_public_buckets = false
}

resource "aws_s3_bucket_policy" "issuer" {
  bucket     = aws_s3_bucket.issuer.id
  depends_on = [aws_s3_bucket_public_access_block.issuer]

  policy = <<-POLICY
%s
  POLICY
}
`, l.Bucket, text), nil
}
