variable "endpoint" {
  description = "URL of Daypass, such as http://127.0.0.1:8350; empty for AWS itself"
  type        = string
  default     = ""
}

variable "gitlab_url" {
  description = "URL of the GitLab, https and without a slash at its end: what its ID tokens have as iss"
  type        = string

  validation {
    condition     = startswith(var.gitlab_url, "https://") && !endswith(var.gitlab_url, "/")
    error_message = "The URL begins with https:// and has no slash at its end."
  }
}

variable "audience" {
  description = "aud of the id_tokens in .gitlab-ci.yml"
  type        = string
}

variable "thumbprints" {
  description = "SHA-1 thumbprints of the certificate authority of the GitLab; null has them fetched"
  type        = list(string)
  default     = null
}

variable "project" {
  description = "Path of the project whose jobs on main may assume the role"
  type        = string
  default     = "mygroup/myproject"
}

variable "bucket" {
  description = "Bucket of the releases"
  type        = string
  default     = "releases"
}

variable "secret" {
  description = "Name of the secret that jobs may read"
  type        = string
  default     = "deploy"
}

variable "storage" {
  description = "Whether to make the bucket and the secret too"
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of everything that can have them"
  type        = map(string)
  default     = { team = "platform" }
}
