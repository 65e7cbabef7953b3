// Package archtest holds the tests that keep the project's rules: which package may import
// which, and that every package and every exported name is documented.
package archtest
