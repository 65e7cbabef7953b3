package store_test

import "os"

// sized is how often a proof is tried: a few times in every run, and fully with VPSBOT_PROOF=full.
func sized(few, full int) int {
	if os.Getenv("VPSBOT_PROOF") == "full" {
		return full
	}
	return few
}
