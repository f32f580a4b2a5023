package leg

import (
	"fmt"
	"strings"
	"testing"
)

func TestReceptionMatches(t *testing.T) {
	for _, c := range []struct {
		expected, dialled string
		match             int
		want              bool
	}{
		{"+13175550100", "+13175550100", 0, true},
		{"+13175550100", "13175550100", 0, true},
		{"+13175550100", "5550100", 0, true},
		{"5550100", "+13175550100", 0, true},
		{"+1 (317) 555-0100", "0013175550100", 0, true},
		{"+13175550100", "+49405550100", 0, true},
		{"+13175550100", "+49405550100", 10, false},
		{"+13175550100", "+13175550101", 0, false},
		{"+13175550100", "0100", 0, false},
		{"+13175550100", "+49400100", 4, true},
		{"0100", "0100", 0, true},
		{"0100", "5550100", 0, false},
		{"+13175550100", "", 0, false},
		{"+13175550100", "reception", 0, false},
	} {
		r := &Reception{Match: c.match}
		if got := r.key(c.expected) == r.key(c.dialled); got != c.want {
			t.Errorf("%q expected, %q dialled, %d digits: %t", c.expected, c.dialled, c.match, got)
		}
	}
}

func TestReceptionSortsCalls(t *testing.T) {
	p, d := meet(t, cloudSide())
	one, err := p.Expect("+13175550101")
	if err != nil {
		t.Fatal(err)
	}
	two, err := p.Expect("+13175550102")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		number string
		at     *Expected
	}{
		{"+13175550102", two}, {"+4940", nil}, {"5550101", one}, {"13175550102;tgrp=x;trunk-context=y", two},
	} {
		d.request("INVITE", c.number, fmt.Sprint("call", i), "", 1, "")
		d.next("SIP/2.0 100")
		if c.at == nil {
			refused := d.next("SIP/2.0 404")
			d.request("ACK", c.number, fmt.Sprint("call", i), refused.get("To"), 1, "")
			continue
		}
		select {
		case call := <-c.at.Calls:
			if want, _, _ := strings.Cut(c.number, ";"); call.Dialled != want {
				t.Errorf("a call to %s arrives, want one to %s", call.Dialled, want)
			}
			call.Reject(480, "Temporarily Unavailable")
			d.next("SIP/2.0 480")
		case <-bounded(t).Done():
			t.Fatalf("the call to %s does not arrive", c.number)
		}
	}
	one.Close()
	two.Close()
}

func TestReceptionExpectsOnce(t *testing.T) {
	var r Reception
	first, err := r.Expect("+13175550100")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Expect("5550100"); err == nil || !strings.Contains(err.Error(), "5550100") {
		t.Errorf("a second one that waits for the same number: %v", err)
	}
	if _, err := r.Expect("5550101"); err != nil {
		t.Errorf("another number: %v", err)
	}
	first.Close()
	second, err := r.Expect("5550100")
	if err != nil {
		t.Fatalf("after the first one has ended: %v", err)
	}
	first.Close() // once more, late
	if _, err := r.Expect("5550100"); err == nil {
		t.Error("the late end of the first ended the second")
	}
	second.Close()
	if _, err := r.Expect("5550100"); err != nil {
		t.Errorf("after the second one has ended: %v", err)
	}
}

// Calls beyond those that may wait get 486, those that nobody took 404 at the end.
func TestReceptionCloseRejectsWhoWaits(t *testing.T) {
	p, d := meet(t, cloudSide())
	at, err := p.Expect("5550100")
	if err != nil {
		t.Fatal(err)
	}
	const calls = maxWaiting + 3
	got := map[string]int{}
	count := func() {
		m := d.next("SIP/2.0")
		status := strings.Fields(m.start)[1]
		if status != "100" {
			d.request("ACK", "5550100", m.get("Call-ID"), m.get("To"), 1, "")
		}
		got[status]++
	}
	for i := range calls {
		d.request("INVITE", "5550100", fmt.Sprint("call", i), "", 1, "")
	}
	for range calls + 3 {
		count()
	}
	if got["486"] != 3 || got["100"] != calls {
		t.Errorf("answered with %v, want 3 times 486", got)
	}
	at.Close()
	for range maxWaiting {
		count()
	}
	if got["404"] != maxWaiting {
		t.Errorf("answered with %v, want %d times 404", got, maxWaiting)
	}
	if left := p.Agent.Calls(); len(left) != 0 {
		t.Errorf("%d calls are left", len(left))
	}
}
