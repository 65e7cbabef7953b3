// Package e2e has the end-to-end tests of vpsbot's guarantees, in files named by property. Each test runs
// in seconds, or at full size with VPSBOT_PROOF=full, and logs a line "figure N: …" with its counts and
// the seed that repeats it; docs/proof.md has the figures at full size.
package e2e
