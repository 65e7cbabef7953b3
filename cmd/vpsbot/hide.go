package main

import (
	"context"
	"errors"
	"io"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/tools"
)

// hide takes the token out of a text, wherever the environment has it.
func (a *app) hide(text string) string {
	cfg, _ := config.Read(context.Background(), a.env, a.goos) //nolint:errcheck // a bad configuration hides too
	return cfg.Hide(text)
}

// hideError makes an error that can be printed. Its class stays.
func (a *app) hideError(err error) error {
	if err == nil {
		return nil
	}
	class := tools.Failed
	if exit, ok := errors.AsType[*exitError](err); ok {
		class = exit.class
	}
	return &exitError{class, a.hide(err.Error())}
}

// hiding is a writer that takes the token out of each piece of text on its way: a piece is
// whole lines, or a prompt.
type hiding struct {
	io.Writer
	hide func(string) string
}

// Write reports the length of what it was given, whatever became of it.
func (h hiding) Write(p []byte) (int, error) {
	if _, err := io.WriteString(h.Writer, h.hide(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
