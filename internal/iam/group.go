package iam

import "github.com/daypass/daypass/internal/awsapi"

func (s *service) groupOperations() []awsapi.Operation { return s.entityOperations(groups) }
