package suites

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/suites/config"
	"byocheck/suites/referencesbc"
)

// referenceLab is the lab of a run without a target, on addresses of its own.
func referenceLab(t *testing.T, n int, state string) config.Config {
	t.Helper()
	c := config.Default()
	UseReference(&c)
	at := referenceAddresses(n)
	for i := range c.Listen {
		c.Listen[i] = at(i+1, 5061)
	}
	c.Connect, c.Carrier.Device, c.Carrier.Listen = at(10, 5061), at(11, 5060), at(20, 5060)
	c.Carrier.Media, c.Media, c.DNS, c.State = at(20, 1).Addr(), at(30, 1).Addr(), at(53, 5353), state
	c.Revocation.Listen = at(80, 8088)
	c.Timeouts.Call = 6 * time.Second
	// Far from what the labs take that run beside it, perhaps under the race
	// detector: what is tested is the judgement, not the machine.
	c.Timeouts.Handshake = 5 * time.Second
	if err := Complete(t.Context(), &c, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// referenceAddresses gives the addresses of lab n: a network of loopback for each
// process, since two may test at once.
func referenceAddresses(n int) func(host int, port uint16) netip.AddrPort {
	network := byte(64 + os.Getpid()%128)
	return func(host int, port uint16) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, network, byte(n), byte(host)}), port)
	}
}

// TestMutants plays the whole catalogue on the reference SBC with each of its
// defects, and holds what fails against what the mutant names: those scenarios,
// and no others.
func TestMutants(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	turns := make(chan struct{}, 4) // more at once than processors: they mostly wait
	var killed sync.Map
	var all sync.WaitGroup
	for n, m := range referencesbc.Mutants() {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			t.Run(string(m.Mutant), func(t *testing.T) { catch(t, n, m, state, &killed) })
		})
	}
	all.Wait()
	t.Run("address as target", func(t *testing.T) {
		c := referenceLab(t, 100, state)
		c.Target.Host = c.Connect.Addr().String()
		l, err := open(c, func(string, ...any) {})
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		named := c
		named.Target.Host = referenceName // the trunk is set wrongly, the device is not
		if err := l.startReference(named, ""); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]judge.Status{
			"cert.outbound.ip-only-target": judge.Fail,
			"cert.outbound.name-matches":   judge.Fail, // no certificate names an address
			"cert.outbound.chain-complete": judge.Pass,
		} {
			s, _ := scenarios.Find(id)
			if v, _ := l.stage.Play(t.Context(), s); v.Status != want {
				t.Errorf("%s is %s: %s", id, v.Status, v.Observed)
			} else if want == judge.Fail {
				killed.Store(id, true)
			}
		}
	})
	for _, s := range scenarios.All() {
		if !s.Scope.Covers(judge.Cloud) { // TestPremises plays it
			continue
		}
		if _, dead := killed.Load(s.ID); !dead && !t.Failed() {
			t.Errorf("no mutant was caught by %s", s.ID)
		}
	}
}

// catch plays the catalogue on a mutant.
func catch(t *testing.T, n int, m referencesbc.MutantInfo, state string, killed *sync.Map) {
	c := referenceLab(t, n, state)
	if m.Mutant == referencesbc.SlowHandshake {
		c.Timeouts.Handshake = 200 * time.Millisecond
	}
	for id, v := range playAll(t, c, string(m.Mutant)) {
		if s, _ := scenarios.Find(id); !s.Scope.Covers(judge.Cloud) {
			continue
		}
		listed, caught := slices.Contains(m.Kills, id), v.Status == judge.Fail || v.Status == judge.Warn
		switch {
		case listed && caught:
			killed.Store(id, true)
		case listed:
			t.Errorf("%s did not catch it: %s: %s", id, v.Status, v.Observed)
		case slices.Contains(m.Hinders, id):
			if v.Status != judge.Inconclusive {
				t.Errorf("%s is %s and not inconclusive: %s", id, v.Status, v.Observed)
			}
		case v.Status != judge.Pass:
			t.Errorf("%s is %s too: %s", id, v.Status, v.Observed)
		}
	}
}

// playAll returns the verdict of every scenario by its id.
func playAll(t *testing.T, c config.Config, mutant string) map[string]judge.Verdict {
	t.Helper()
	l, err := open(c, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	l.stage.Releasing = time.Second
	l.slow = 1500 * time.Millisecond
	if err := l.startReference(c, mutant); err != nil {
		t.Fatal(err)
	}
	out := map[string]judge.Verdict{}
	for _, s := range scenarios.All() {
		out[s.ID], _ = l.stage.Play(t.Context(), s)
	}
	return out
}
