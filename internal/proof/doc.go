// Package proof holds the tests that show what vpsbot promises: one file a figure of
// docs/proof.md. Each runs in seconds, or at full size with VPSBOT_PROOF=full, and logs one
// line "figure N: …" with what it counted and the seed that repeats it.
package proof
