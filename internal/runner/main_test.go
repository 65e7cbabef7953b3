package runner_test

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// isLeftOut draws whether a case of a large table is left out: half of them are, others in each run. At
// full size none is.
func isLeftOut() bool { return !testkit.IsFull() && rand.N(2) == 0 }
