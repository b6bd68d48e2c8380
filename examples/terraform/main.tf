# What document 001 of GitLab's tutorial sets up by hand: an OpenID Connect
# provider for a GitLab, and a role that the jobs of one project may assume.
# README.md says how to run it against Daypass and against AWS.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"

  # What the provider would ask of services that Daypass is not.
  skip_metadata_api_check    = true
  skip_region_validation     = true
  skip_requesting_account_id = false
  s3_use_path_style          = true

  dynamic "endpoints" {
    for_each = var.endpoint == "" ? [] : [var.endpoint]
    content {
      iam            = endpoints.value
      sts            = endpoints.value
      s3             = endpoints.value
      secretsmanager = endpoints.value
    }
  }
}

data "aws_caller_identity" "current" {}

locals {
  # The provider's URL without its scheme, which condition keys begin with.
  issuer = trimprefix(var.gitlab_url, "https://")
}

resource "aws_iam_openid_connect_provider" "gitlab" {
  url             = var.gitlab_url
  client_id_list  = [var.audience]
  thumbprint_list = var.thumbprints

  tags = var.tags
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "JobsOnMain"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.gitlab.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = [var.audience]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["project_path:${var.project}:ref_type:branch:ref:main"]
    }
  }
}

resource "aws_iam_role" "deploy" {
  name                 = "deploy"
  path                 = "/ci/"
  description          = "Jobs on main of ${var.project}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 7200
  permissions_boundary = aws_iam_policy.boundary.arn

  tags = var.tags
}

# What no role of a job may do, whatever else it is given.
data "aws_iam_policy_document" "boundary" {
  statement {
    sid       = "Everything"
    actions   = ["*"]
    resources = ["*"]
  }

  statement {
    sid       = "ButAdministration"
    effect    = "Deny"
    actions   = ["iam:*", "sts:AssumeRole"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "boundary" {
  name   = "jobs-boundary"
  path   = "/ci/"
  policy = data.aws_iam_policy_document.boundary.json

  tags = var.tags
}

data "aws_iam_policy_document" "releases" {
  statement {
    actions   = ["s3:ListBucket"]
    resources = ["arn:aws:s3:::${var.bucket}"]
  }

  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::${var.bucket}/*"]
  }
}

resource "aws_iam_policy" "releases" {
  name        = "releases"
  path        = "/ci/"
  description = "Reads and writes the releases"
  policy      = data.aws_iam_policy_document.releases.json

  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "releases" {
  role       = aws_iam_role.deploy.name
  policy_arn = aws_iam_policy.releases.arn
}

resource "aws_iam_role_policy" "secret" {
  name = "secret"
  role = aws_iam_role.deploy.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "secretsmanager:GetSecretValue"
      Resource = "arn:aws:secretsmanager:*:${data.aws_caller_identity.current.account_id}:secret:${var.secret}-*"
    }]
  })
}

# The bucket and the secret themselves, where the endpoint serves S3 and Secrets
# Manager.

resource "aws_s3_bucket" "releases" {
  count  = var.storage ? 1 : 0
  bucket = var.bucket
}

resource "aws_secretsmanager_secret" "deploy" {
  count = var.storage ? 1 : 0
  name  = var.secret
}
