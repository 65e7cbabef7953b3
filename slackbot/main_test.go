package slackbot_test

import (
	"flag"
	"os"
	"testing"

	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// together is how many parallel tests of the package run at once: they wait for the bot's own pace
// more than they compute. A test that measures time or memory, or waits for a time limit, is not
// parallel.
const together = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", together); err != nil {
		panic(err)
	}
	os.Exit(pgtest.Run(m))
}
