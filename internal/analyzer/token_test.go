package analyzer

import (
	"testing"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/policy"
)

func TestWasOverTLS(t *testing.T) {
	t.Parallel()
	asked := func(conditions ...policy.ConditionReason) *audit.Event {
		return &audit.Event{Reasons: &policy.Reasons{Statements: []policy.StatementReason{{}, {Conditions: conditions}}}}
	}
	other := policy.ConditionReason{Key: "aws:SourceIp", Present: true, Got: []string{"192.0.2.1"}}
	for name, tt := range map[string]struct {
		event *audit.Event
		want  bool
	}{
		"nobody asked":      {&audit.Event{}, true},
		"another was asked": {asked(other), true},
		"it was":            {asked(other, policy.ConditionReason{Key: "aws:securetransport", Present: true, Got: []string{"true"}}), true},
		"it was not":        {asked(other, policy.ConditionReason{Key: "aws:SecureTransport", Present: true, Got: []string{"false"}}), false},
	} {
		if got := wasOverTLS(tt.event); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
