// Package trigger makes the device call the cloud, or at least connect to it,
// without code on the device. The ways are rungs of a ladder; which of them
// was used is recorded, since a weaker one proves less.
package trigger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"byocheck/simulator/record"
)

// Rung is a way to make the device act.
type Rung interface {
	// Name is the rung's name in recordings and configuration.
	Name() string
	// Detail says in a few words what is done.
	Detail() string
	// Pull does it. It returns when it is done, not when the device has acted.
	Pull(ctx context.Context) error
}

// Patience does nothing: it waits for the OPTIONS that the device sends by itself.
type Patience struct{}

// Name implements Rung.
func (Patience) Name() string { return "options" }

// Detail implements Rung.
func (Patience) Detail() string { return "waiting for the device's own OPTIONS" }

// Pull implements Rung.
func (Patience) Pull(context.Context) error { return nil }

// Command runs a command line.
type Command struct {
	// Line is run by sh -c, in Dir.
	Line, Dir string
}

// Name implements Rung.
func (Command) Name() string { return "command" }

// Detail implements Rung.
func (c Command) Detail() string { return "running " + c.Line }

// Pull implements Rung. The command and what it started is ended with ctx.
func (c Command) Pull(ctx context.Context) error {
	_, err := Run(ctx, c.Line, c.Dir)
	return err
}

// Run runs a command line with sh -c and returns what it printed, at most its
// last 4096 octets. The command and its children are killed when ctx ends; what
// a command that has ended leaves running, a daemon for one, is left alone. env
// are variables (NAME=value) that it gets beside ours.
func Run(ctx context.Context, line, dir string, env ...string) (string, error) {
	var out tail
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	printed := strings.TrimSpace(string(out.b))
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // it ended well, but something that it started holds its output open
		return printed, nil
	case ctx.Err() != nil:
		return printed, fmt.Errorf("running %q: it did not end in time and was killed", line)
	}
	last := printed
	if i := strings.LastIndexByte(last, '\n'); i >= 0 {
		last = last[i+1:]
	}
	return printed, fmt.Errorf("running %q: %w; it said %q", line, err, last)
}

// tail keeps the last octets written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	const keep = 4096
	t.b = append(t.b, p...)
	if len(t.b) > keep {
		t.b = append(t.b[:0], t.b[len(t.b)-keep:]...)
	}
	return len(p), nil
}

// HTTP sends one request, to the device's management interface for example.
type HTTP struct {
	Method, URL, Body string
	// Client sends it; nil is one without proxies.
	Client *http.Client
}

// Name implements Rung.
func (HTTP) Name() string { return "http" }

// Detail implements Rung.
func (h HTTP) Detail() string { return h.Method + " " + h.URL }

// Pull implements Rung. A status of 400 or more is an error.
func (h HTTP) Pull(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, h.Method, h.URL, strings.NewReader(h.Body))
	if err != nil {
		return fmt.Errorf("triggering by HTTP: %w", err)
	}
	client := h.Client
	if client == nil {
		client = &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("triggering by HTTP: %w", err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode >= 400 {
		return fmt.Errorf("triggering by HTTP: %s %s answered %s", h.Method, h.URL, res.Status)
	}
	return nil
}

// Prompt asks the person at the device to act.
type Prompt struct {
	Out io.Writer
	// Ask is what to do, in words.
	Ask string
}

// Name implements Rung.
func (Prompt) Name() string { return "prompt" }

// Detail implements Rung.
func (p Prompt) Detail() string { return "asking a person: " + p.Ask }

// Pull implements Rung. It returns at once: the person has as long as the attempt lasts.
func (p Prompt) Pull(ctx context.Context) error {
	_, err := fmt.Fprintf(p.Out, "\n>>> %s\n", p.Ask)
	return err
}

// Acted returns a condition for record.Recorder.Wait: the device sent SIP to a
// proxy under the generation, or ended a handshake there.
func Acted(generation int) func(record.Event) bool {
	return func(e record.Event) bool {
		if e.Generation != generation || !e.AtCloud() {
			return false
		}
		switch b := e.Body.(type) {
		case record.SIPMessage:
			return b.Dir == record.In
		case record.SIPGarbage, record.HandshakeFailed:
			return true
		case record.Closed: // ours may be that of a foreign peer, or of a connection to the device
			return b.By == record.Device
		}
		return false
	}
}
