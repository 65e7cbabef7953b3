package policy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// BenchmarkLoad reads a policy file of 5,000 rules and 500 people, and one of a tenth of both.
//
//	go test ./internal/policy -run '^$' -bench Load
func BenchmarkLoad(b *testing.B) {
	var small float64
	for _, rules := range []int{500, 5000} {
		raw := testkit.BigPolicy(rules, rules/10)
		b.Run(fmt.Sprintf("%d-rules", rules), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d, err := policy.Load(raw, operations)
				require.NoError(b, err)
				require.Len(b, d.Book.Rules, rules)
			}
			each := b.Elapsed().Seconds() / float64(b.N) / float64(rules)
			if small == 0 {
				small = each
			}
			b.ReportMetric(each*1e6, "us/rule")
			b.ReportMetric(each/small, "x-of-500-rules")
			b.ReportMetric(float64(len(raw)), "file-B")
		})
	}
}
