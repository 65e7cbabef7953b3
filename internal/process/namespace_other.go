//go:build !linux

package process

// InUserNamespace reports whether this process is in another user namespace than the machine's
// first: only Linux has any.
func InUserNamespace() bool { return false }
