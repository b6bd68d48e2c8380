package iam

import "github.com/daypass/daypass/internal/awsapi"

func (s *service) profileOperations() []awsapi.Operation { return nil }
