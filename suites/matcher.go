package suites

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"byocheck/scenarios/judge"
)

// BeGreen succeeds on a verdict that is pass or warn.
func BeGreen() types.GomegaMatcher { return green{} }

type green struct{}

func (green) Match(actual any) (bool, error) {
	v, ok := actual.(judge.Verdict)
	if !ok {
		return false, fmt.Errorf("BeGreen wants a verdict, not %T", actual)
	}
	return v.Status == judge.Pass || v.Status == judge.Warn, nil
}

func (green) FailureMessage(actual any) string {
	v := actual.(judge.Verdict)
	return fmt.Sprintf("%s: %s %s", v.Status, v.Observed, v.Hint)
}

func (green) NegatedFailureMessage(actual any) string {
	return "expected a verdict that is not green, got " + string(actual.(judge.Verdict).Status)
}
