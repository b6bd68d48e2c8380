package iam

import "github.com/daypass/daypass/internal/awsapi"

func (s *service) accessKeyOperations() []awsapi.Operation { return nil }
