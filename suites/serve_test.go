package suites

import (
	"context"
	"crypto/tls"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/region"
	"byocheck/suites/config"
)

// served is a lab on addresses of its own whose region is only served.
func served(t testing.TB, n int, state string) config.Config {
	t.Helper()
	c := config.Default()
	base := referenceAddresses(n)
	for i := range c.Listen {
		c.Listen[i] = base(i+1, 5061)
	}
	c.Media, c.DNS, c.State = base(30, 1).Addr(), base(53, 5353), state
	c.Revocation.Listen = base(80, 8088)
	c.Timeouts.Handshake = 10 * time.Second // the machine may be slow
	return c
}

func TestServeSaysWhatConnects(t *testing.T) {
	c := served(t, 200, filepath.Join(t.TempDir(), "state"))
	ctx, stop := context.WithCancel(t.Context())
	lines, ready, done := make(chan string, 1000), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- Serve(ctx, c, func(format string, args ...any) { lines <- fmt.Sprintf(format, args...) }, func() { close(ready) })
	}()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	said := func(words ...string) {
		t.Helper()
		bound := time.After(10 * time.Second)
		for {
			select {
			case line := <-lines:
				all := true
				for _, w := range words {
					all = all && strings.Contains(line, w)
				}
				if all {
					return
				}
			case <-bound:
				t.Fatalf("nothing was said with %q", words)
			}
		}
	}
	said("region use1")
	said("lb03.voice.use1.pure.cloud", c.Listen[2].String())

	// A device that trusts nothing of ours.
	if _, err := tls.Dial("tcp", c.Listen[1].String(), &tls.Config{ServerName: "lb02.voice.use1.pure.cloud", MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP384}}); err == nil {
		t.Fatal("a client without our roots connected")
	}
	said("lb02: the device connected")
	said("lb02: the device sent alert bad_certificate")
	said("lb02: TLS handshake ended by the device")
	// One that wants TLS 1.3 and nothing else.
	if _, err := tls.Dial("tcp", c.Listen[3].String(), &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}); err == nil {
		t.Fatal("TLS 1.3 was accepted")
	}
	said("lb04: TLS handshake refused by us")
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// An Edge is served under its own name and the organisation's root.
func TestServeAnEdge(t *testing.T) {
	c := served(t, 203, filepath.Join(t.TempDir(), "state"))
	c.Edge = config.Edge{Played: true, Name: "edge01.customer.test", Listen: c.Listen[0], MediaSecurity: "off"}
	ctx, stop := context.WithCancel(t.Context())
	var said []string
	if err := Serve(ctx, c, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }, stop); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(said, "\n")
	for _, want := range []string{"BYOC Premises: one Edge, media security off", "  edge01.customer.test  " + c.Listen[0].String() + "\n", "DNS for edge01.customer.test  ",
		"SIMULATED Organisation Root CA (byocheck certs export --premises --state "} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in what was said:\n%s", want, all)
		}
	}
	if strings.Contains(all, "lb0") || strings.Contains(all, "region") {
		t.Errorf("it tells of a region:\n%s", all)
	}
}

func TestServeStartsEveryRegion(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	for _, code := range region.Names() {
		t.Run(code, func(t *testing.T) {
			c := served(t, 201, state)
			c.Region = code
			ctx, stop := context.WithCancel(t.Context())
			if err := Serve(ctx, c, func(string, ...any) {}, stop); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// BenchmarkServe measures from the start of serve until every port listens.
func BenchmarkServe(b *testing.B) {
	serve := func(b *testing.B, state string) {
		ctx, stop := context.WithCancel(b.Context())
		begin := time.Now()
		if err := Serve(ctx, served(b, 202, state), func(string, ...any) {}, func() {
			b.ReportMetric(float64(time.Since(begin).Microseconds())/1000, "ms-to-listen")
			stop()
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("kept state", func(b *testing.B) {
		state := filepath.Join(b.TempDir(), "state")
		serve(b, state)
		for b.Loop() {
			serve(b, state)
		}
	})
	b.Run("new state", func(b *testing.B) {
		for b.Loop() {
			serve(b, filepath.Join(b.TempDir(), "state"))
		}
	})
}
