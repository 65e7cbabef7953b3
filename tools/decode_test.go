package tools

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzInput(f *testing.F) {
	for _, op := range Default.Operations() {
		for _, in := range op.Examples {
			f.Add(op.Name, []byte(in))
		}
	}
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		op, ok := Default.Lookup(name)
		if !ok {
			return
		}
		in, err := op.ParseInput(raw)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		again, err := op.ParseInput(in.Canonical())
		require.NoError(t, err, "what was accepted is accepted again")
		require.Equal(t, in.Canonical(), again.Canonical())
	})
}
