package command

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestPaintColoursTheFirstWordOnly(t *testing.T) {
	for in, want := range map[string]string{
		"FAIL  cert.x  (must)\n":       "\x1b[1;31mFAIL\x1b[0m  cert.x  (must)\n",
		"  pass   tls.x   It passes\n": "\x1b[32m  pass\x1b[0m   tls.x   It passes\n",
		"  observed  It did FAIL\n":    "  observed  It did FAIL\n",
	} {
		if got := paint(in); got != want {
			t.Errorf("painting %q gave %q", in, got)
		}
	}
}

func TestScreenIsPlainWithoutATerminal(t *testing.T) {
	var err bytes.Buffer
	s := newScreen(Environment{Err: &err}, time.Second)
	s.say("[1/%d] x", 2)
	s.step(time.Second)
	s.close()
	if got := err.String(); got != "[1/2] x\n" {
		t.Errorf("got %q", got)
	}
}

func TestScreenDrawsAndEstimatesOnATerminal(t *testing.T) {
	var err bytes.Buffer
	s := newScreen(Environment{Err: &err, Terminal: true}, 4*time.Second)
	s.say("a line")
	s.step(2 * time.Second)
	s.close()
	if !strings.Contains(err.String(), "a line\n") {
		t.Errorf("the line was lost: %q", err.String())
	}
}

func TestEstimate(t *testing.T) {
	s := screen{begin: time.Now().Add(-10 * time.Second), total: 4 * time.Second}
	if got := s.left(2 * time.Second); got != " about 10 s left" {
		t.Errorf("half done after 10 s: %q", got)
	}
	if got := s.left(0); got != "" {
		t.Errorf("nothing done: %q", got)
	}
}
