package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// exitError ends the command with a code. Its message is printed, if it has one.
type exitError struct {
	class   runner.Class
	message string
}

func (e *exitError) Error() string { return e.message }

// fail returns an error that ends the command with the code of class.
func fail(class runner.Class, format string, args ...any) error {
	return &exitError{class, fmt.Sprintf(format, args...)}
}

// invalid gives an error the code of bad input.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{runner.Invalid, err.Error()}
}

// report prints an error the one time that it is printed, and returns the exit code.
func report(w io.Writer, err error) int {
	if err == nil {
		return int(runner.OK)
	}
	if text := printable(err.Error()); text != "" {
		fmt.Fprintln(w, "vpsbot: "+text)
	}
	if exit, ok := errors.AsType[*exitError](err); ok {
		return int(exit.class)
	}
	return int(runner.Failed)
}

// printable drops what could steer a terminal: an argument may come from anywhere.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if (unicode.IsControl(r) || text.Hidden(r)) && r != '\n' {
			return -1
		}
		return r
	}, s)
}
