output "role_arn" {
  description = "ROLE_ARN of the job"
  value       = aws_iam_role.deploy.arn
}

output "provider_arn" {
  description = "ARN of the OpenID Connect provider"
  value       = aws_iam_openid_connect_provider.gitlab.arn
}
