package slackbot_test

import (
	"os"
	"testing"

	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
