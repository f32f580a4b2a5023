package suites

import (
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"byocheck/scenarios"
	"byocheck/scenarios/judge"
	"byocheck/scenarios/ledger"
	"byocheck/simulator/region"
	"byocheck/simulator/transport"
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
	c.Handshakes.Count = 6
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

// TestMutants plays the catalogue on the reference SBC with each of its
// defects, and holds what fails against what the mutant names: those scenarios,
// and no others. The control plays all of it, a mutant what is about the same
// thing as those by which it must be caught. With BYOCHECK_ALL_MUTANTS=1 all is
// played on all of them: for a nightly run, since that takes ten times as long.
func TestMutants(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	turns := make(chan struct{}, 4*runtime.NumCPU()) // they mostly wait
	var killed sync.Map
	var ran atomic.Int64
	var all sync.WaitGroup
	mutants := referencesbc.Mutants()
	for _, n := range longestFirst(mutants) {
		m := mutants[n]
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			t.Run(string(m.Mutant), func(t *testing.T) {
				catch(t, n, m, state, &killed)
				ran.Add(1)
			})
		})
	}
	all.Wait()
	t.Run("address as target", func(t *testing.T) {
		c := referenceLab(t, 200, state)
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
		expect(t, l, &killed, map[string]judge.Status{
			"cert.outbound.ip-only-target": judge.Fail,
			"cert.outbound.name-matches":   judge.Fail, // no certificate names an address
			"cert.outbound.chain-complete": judge.Pass,
		})
	})
	t.Run("without renegotiation_info", func(t *testing.T) {
		c := referenceLab(t, 201, state)
		l, err := open(c, func(string, ...any) {})
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		serveWithoutRenegotiationInfo(t, c.Connect)
		expect(t, l, &killed, map[string]judge.Status{
			"tls.outbound.secure-renegotiation": judge.Warn,
			"tls.outbound.compression-refused":  judge.Pass,
		})
	})
	if t.Failed() || int(ran.Load()) < len(referencesbc.Mutants()) { // some may have been passed over
		return
	}
	for _, s := range scenarios.All() {
		// TestPremises plays what is about an Edge; what is told only catches nobody.
		if _, dead := killed.Load(s.ID); !dead && s.Scope.Covers(judge.Cloud) && s.Level != ledger.LevelInfo {
			t.Errorf("no mutant was caught by %s", s.ID)
		}
	}
}

// longestFirst gives the order in which nobody waits for one mutant at the end.
func longestFirst(mutants []referencesbc.MutantInfo) []int {
	var first, then []int
	for n, m := range mutants {
		switch m.Mutant {
		case referencesbc.SlowHandshake, referencesbc.ReusesPeerConnectionOnly, referencesbc.Control, referencesbc.SwallowsBYE:
			first = append(first, n)
		default:
			then = append(then, n)
		}
	}
	return append(first, then...)
}

// expect plays scenarios and compares their verdicts.
func expect(t *testing.T, l *lab, killed *sync.Map, verdicts map[string]judge.Status) {
	t.Helper()
	for id, want := range verdicts {
		s, _ := scenarios.Find(id)
		if v, _ := l.stage.Play(t.Context(), s); v.Status != want {
			t.Errorf("%s is %s: %s", id, v.Status, v.Observed)
		} else if want != judge.Pass {
			killed.Store(id, true)
		}
	}
}

// needsOpenSSL are the mutants that can be made, or are caught, only with the
// machine's OpenSSL.
var needsOpenSSL = []referencesbc.Mutant{referencesbc.TakesNullCipher, referencesbc.CBCSHA2Only, referencesbc.OffersSHA1Only, referencesbc.OffersOldVersions}

// catch plays on a mutant what it may be caught by.
func catch(t *testing.T, n int, m referencesbc.MutantInfo, state string, killed *sync.Map) {
	c := referenceLab(t, n, state)
	switch m.Mutant {
	case referencesbc.SlowHandshake:
		c.Timeouts.Handshake = 200 * time.Millisecond
	case referencesbc.SlowUnderLoad:
		c.Timeouts.Handshake = time.Second
	case referencesbc.NoEVRoot:
		c.Root = string(region.GlobalG2)
	}
	missing := transport.LibSSLMissing()
	if missing != nil && slices.Contains(needsOpenSSL, m.Mutant) {
		if os.Getenv("BYOCHECK_REQUIRE_PEERS") == "1" {
			t.Fatal(missing)
		}
		t.Skip("not run: ", missing)
	}
	if missing != nil {
		m.Hinders = append(m.Hinders, "tls.inbound.old-version-refused")
	}
	for id, v := range playAll(t, c, string(m.Mutant), played(m)) {
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
		case v.Status != judge.Pass && !excused(m, id, v):
			t.Errorf("%s is %s too: %s", id, v.Status, v.Observed)
		}
	}
}

// excused are verdicts that say nothing against a device.
func excused(m referencesbc.MutantInfo, id string, v judge.Verdict) bool {
	switch {
	case id == "cert.outbound.issuer-trusted":
		return v.Status == judge.NotApplicable // a lab's certificate
	case m.Mutant == referencesbc.Control:
		return false
	case id == "cert.inbound.staple-revoked-refused":
		// Handshakes that are done by hand, for a defect that no library has, ask
		// for no stapled response.
		return v.Status == judge.NotApplicable && areas(m.Kills)["tls.inbound"]
	}
	// What a ClientHello offers may leave no room for a handshake that is wrong.
	return v.Status == judge.NotApplicable && strings.Contains(v.Observed, "cannot be played to the device")
}

// areas are the areas and directions of scenarios.
func areas(ids []string) map[string]bool {
	out := map[string]bool{}
	for _, id := range ids {
		out[id[:strings.LastIndexByte(id, '.')]] = true
	}
	return out
}

// played are the scenarios that are played on a mutant: all that it names, and
// of the areas and directions in which it must be caught those that can hold
// something against a device. One of these takes as long as all others together.
func played(m referencesbc.MutantInfo) []scenarios.Scenario {
	about := areas(m.Kills)
	return slices.DeleteFunc(scenarios.All(), func(s scenarios.Scenario) bool {
		switch {
		case m.Mutant == referencesbc.Control, os.Getenv("BYOCHECK_ALL_MUTANTS") == "1", slices.Contains(m.Kills, s.ID):
			return false
		case s.Level == ledger.LevelInfo, s.ID == "cert.outbound.survives-wrong-certificates":
			return true
		case slices.Contains(m.Hinders, s.ID):
			return false
		}
		return !about[s.Area()+"."+s.Direction()]
	})
}

// playAll returns the verdicts of the scenarios that are played, by their ids.
func playAll(t *testing.T, c config.Config, mutant string, what []scenarios.Scenario) map[string]judge.Verdict {
	t.Helper()
	l, err := open(c, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	l.stage.Releasing = time.Second
	l.slow = 1500 * time.Millisecond
	if mutant == string(referencesbc.SlowUnderLoad) {
		l.slow = 3 * time.Second // longer by far than our own lateness beside its deadline
	}
	if err := l.startReference(c, mutant); err != nil {
		t.Fatal(err)
	}
	out := map[string]judge.Verdict{}
	for _, s := range what {
		out[s.ID], _ = l.stage.Play(t.Context(), s)
	}
	return out
}
