package slackbot_test

import (
	"os"
	"testing"

	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// A test that measures time or memory, or waits for a time limit, is not parallel.
func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
