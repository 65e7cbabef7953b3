// Package e2e holds the tests of what vpsbot promises, in files named by property; their figures are in
// docs/proof.md. Each runs in seconds, or at full size with VPSBOT_PROOF=full, and logs one
// line "figure N: …" with what it counted and the seed that repeats it.
package e2e
