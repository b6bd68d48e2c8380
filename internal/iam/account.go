package iam

import "github.com/daypass/daypass/internal/awsapi"

func (s *service) accountOperations() []awsapi.Operation { return nil }
