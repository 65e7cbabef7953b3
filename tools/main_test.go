package tools_test

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// isLeftOut says so of half of the cases of a large table, others in every run; at full size of none.
func isLeftOut() bool { return !testkit.IsFull() && rand.N(2) == 0 }
