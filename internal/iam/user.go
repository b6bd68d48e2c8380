package iam

import "github.com/daypass/daypass/internal/awsapi"

func (s *service) userOperations() []awsapi.Operation { return s.entityOperations(users) }
