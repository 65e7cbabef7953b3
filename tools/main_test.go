package tools_test

import (
	"os"
	"testing"

	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }
