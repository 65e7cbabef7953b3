package app

import (
	"errors"
	"fmt"

	"github.com/vpsbot/vpsbot/internal/runner"
)

// Error ends a command. Its class is the exit code.
type Error struct {
	Class   runner.Class
	Message string
}

func (e *Error) Error() string { return e.Message }

// Errorf returns an error that ends the command with the exit code of class.
func Errorf(class runner.Class, format string, args ...any) error {
	return &Error{class, fmt.Sprintf(format, args...)}
}

// Invalid makes an error one of bad input; nil stays nil.
func Invalid(err error) error {
	if err == nil {
		return nil
	}
	return &Error{runner.Invalid, err.Error()}
}

// ClassOf is the class of an error: its own, or that of a failure.
func ClassOf(err error) runner.Class {
	if err == nil {
		return runner.OK
	}
	if classed, ok := errors.AsType[*Error](err); ok {
		return classed.Class
	}
	return runner.Failed
}
