package scripted

import (
	"errors"
	"slices"
	"testing"
)

func TestChoose(t *testing.T) {
	all := func(n int) []uint16 {
		var out []uint16
		for _, s := range suites[:n] {
			out = append(out, s.id)
		}
		return out
	}
	with := func(h Hello, e ...Extension) Hello {
		h.Extensions = append(slices.Clone(h.Extensions), e...)
		return h
	}
	groups := func(h Hello, g ...uint16) Hello {
		h.Extensions = slices.DeleteFunc(slices.Clone(h.Extensions), func(e Extension) bool { return e.Type == extensionSupportedGroups })
		return with(h, SupportedGroups(g...))
	}
	older := NewHello("", 0xc030)
	older.Version = VersionTLS11
	squeezed := NewHello("", 0xc030)
	squeezed.Compression = []uint8{1}
	squeezes := NewHello("", 0xc030)
	squeezes.Compression = []uint8{0, 1, 2}
	unnamed := Hello{Version: VersionTLS12, Suites: []uint16{0xc030}, Compression: []uint8{0}}
	for _, tt := range []struct {
		name        string
		hello       Hello
		script      Script
		p           Parameters
		version     uint16 // 0: TLS 1.2
		suite       uint16 // 0: ErrUnsuitable
		group       uint16
		compression uint8
	}{
		{name: "the client's order decides", hello: NewHello("", 0x1301, 0x0035, 0xc030), suite: 0x0035},
		{name: "a suite that only stands in to be unoffered", hello: NewHello("", 0x002f, 0x0035), suite: 0x0035},
		{name: "a wanted one", hello: NewHello("", 0x0035, 0xc030), p: Parameters{Suite: 0xc030}, suite: 0xc030, group: GroupP384},
		{name: "a wanted one that stands in", hello: NewHello("", 0x0035, 0x002f), p: Parameters{Suite: 0x002f}, suite: 0x002f},
		{name: "a wanted one that is not offered", hello: NewHello("", 0x0035), p: Parameters{Suite: 0xc030}},
		{name: "ECDHE without the group", hello: groups(NewHello("", 0xc030, 0x0035), GroupP256), suite: 0x0035},
		{name: "nothing but ECDHE without the group", hello: groups(NewHello("", 0xc030), GroupP256)},
		{name: "another group", hello: groups(NewHello("", 0xc030), GroupP256), p: Parameters{Group: GroupP256}, suite: 0xc030, group: GroupP256},
		{name: "no groups named", hello: unnamed, suite: 0xc030, group: GroupP384},
		{name: "TLS 1.1 at most", hello: older},
		{name: "TLS 1.3 alone", hello: with(NewHello("", 0xc030), SupportedVersions(VersionTLS13))},
		{name: "compression alone", hello: squeezed},
		{name: "no suite", hello: NewHello("")},

		{name: "a suite of the specification", script: "unoffered-suite", hello: NewHello("", 0xc030, 0xc02f), suite: 0xc014, group: GroupP384},
		{name: "static RSA, since the group is missing", script: "unoffered-suite", hello: groups(NewHello("", 0x009d), GroupP256), suite: 0x009c},
		{name: "another suite, since all eight are there", script: "unoffered-suite", hello: NewHello("", all(specified)...), suite: 0xc013, group: GroupP384},
		{name: "no suite is left", script: "unoffered-suite", hello: NewHello("", all(len(suites))...)},

		{name: "an export suite that is not there", script: "export-suite", hello: NewHello("", 0xc030), suite: 0x0003},
		{name: "an export suite that is there", script: "export-suite", hello: NewHello("", 0xc030, 0x0008), suite: 0x0008},

		{name: "P-256 beside P-384", script: "unoffered-group", hello: NewHello("", 0x0035, 0xc030), suite: 0xc030, group: GroupP256},
		{name: "P-384 beside P-256", script: "unoffered-group", hello: groups(NewHello("", 0xc030), GroupP256), suite: 0xc030, group: GroupP384},
		{name: "no ECDHE suite", script: "unoffered-group", hello: NewHello("", 0x0035)},
		{name: "no groups named, so none unoffered", script: "unoffered-group", hello: unnamed},
		{name: "no group is left", script: "unoffered-group", hello: groups(NewHello("", 0xc030), unofferedGroups...)},

		{name: "above the highest", script: "unoffered-version", hello: NewHello("", 0xc030), version: 0x0304, suite: 0xc030, group: GroupP384},
		{name: "1.1 may be offered where no versions are named", script: "unoffered-version", hello: NewHello("", 0x0035), version: 0x0304, suite: 0x0035},
		{name: "1.1 below named versions", script: "unoffered-version", hello: with(NewHello("", 0xc030, 0x0035), SupportedVersions(VersionTLS13, VersionTLS12)), version: 0x0302, suite: 0x0035},
		{name: "no suite for 1.1", script: "unoffered-version", hello: with(NewHello("", 0xc030), SupportedVersions(VersionTLS13, VersionTLS12)), version: 0x0305, suite: 0xc030, group: GroupP384},

		{name: "DEFLATE", script: "compression", hello: NewHello("", 0x0035), suite: 0x0035, compression: 1},
		{name: "a method that is not there", script: "compression", hello: squeezes, suite: 0xc030, group: GroupP384, compression: 3},

		{name: "a signature needs ECDHE", script: "wrong-signature", hello: NewHello("", 0x0035, 0xc030), suite: 0xc030, group: GroupP384},
		{name: "a weak key needs static RSA", script: "unexpected-key-exchange", hello: NewHello("", 0xc030, 0x0035), suite: 0x0035},
		{name: "all known extensions are there", script: "unsolicited-extension", hello: with(NewHello("x", 0x0035), known[0], known[1])},
		{name: "no signature algorithm of RSA", hello: with(unnamed, SignatureAlgorithms(0x0403))},
		{name: "no signature is needed", hello: with(Hello{Version: VersionTLS12, Suites: []uint16{0x0035}, Compression: []uint8{0}}, SignatureAlgorithms(0x0403)), suite: 0x0035},
	} {
		t.Run(string(tt.script)+"/"+tt.name, func(t *testing.T) {
			if tt.script == "" {
				tt.script = Honest
			}
			b, ok := findBugs(tt.script)
			if !ok {
				t.Fatal("no such script")
			}
			c, err := choose(tt.hello, b, tt.p)
			if tt.suite == 0 {
				if !errors.Is(err, ErrUnsuitable) {
					t.Errorf("chose %04x, group %d, error %v", c.suite.id, c.group, err)
				}
				return
			}
			if tt.version == 0 {
				tt.version = VersionTLS12
			}
			if err != nil || c.version != tt.version || c.suite.id != tt.suite || c.group != tt.group || c.compression != tt.compression {
				t.Errorf("got version %04x, suite %04x, group %d, compression %d, error %v", c.version, c.suite.id, c.group, c.compression, err)
			}
		})
	}
}

// Nothing is answered that was not asked for, but by the scripts about that.
func TestAnswerExtensions(t *testing.T) {
	bare := Hello{Version: VersionTLS12, Suites: []uint16{0xc030}, Compression: []uint8{0}}
	scsv := bare
	scsv.Suites = []uint16{RenegotiationSCSV, 0xc030}
	for _, tt := range []struct {
		name   string
		hello  Hello
		script Script
		want   []uint16
	}{
		{"none asked", bare, Honest, nil},
		{"renegotiation by SCSV", scsv, Honest, []uint16{0xff01}},
		{"all asked", NewHello("x", 0xc030), Honest, []uint16{0xff01, 23, 11}},
		{"no points without ECDHE", NewHello("x", 0x0035), Honest, []uint16{0xff01, 23}},
		{"unsolicited", bare, "unsolicited-extension", []uint16{16}},
		{"unknown", bare, "unknown-extension", []uint16{0xffee}},
		{"unknown, and the first choice taken", Hello{Version: VersionTLS12, Suites: []uint16{0xc030}, Compression: []uint8{0}, Extensions: []Extension{{0xffee, nil}}}, "unknown-extension", []uint16{0xffed}},
		{"renegotiated", bare, "bad-renegotiation-info", []uint16{0xff01}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, _ := findBugs(tt.script)
			c, err := choose(tt.hello, b, Parameters{})
			if err != nil {
				t.Fatal(err)
			}
			var got []uint16
			for _, e := range c.extensions {
				got = append(got, e.Type)
				if secure := len(e.Body) == 1; e.Type == extensionRenegotiationInfo && secure == (tt.script == "bad-renegotiation-info") {
					t.Errorf("renegotiation_info % x", e.Body)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %04x, want %04x", got, tt.want)
			}
		})
	}
}

func TestScripts(t *testing.T) {
	seen := map[Script]bool{}
	for i, s := range Scripts() {
		if seen[s.Script] || s.Sentence == "" || s.Citation == "" || (s.Script == Honest) != (i == 0) {
			t.Errorf("%d: %+v", i, s)
		}
		seen[s.Script] = true
		switch _, tested := lacking[s.Script]; s.Expect {
		case Refuse:
			if !tested {
				t.Errorf("%s: no client lacks the check", s.Script)
			}
		case Accept, GiveUp, Either:
		default:
			t.Errorf("%s: expects %q", s.Script, s.Expect)
		}
	}
	if _, ok := findBugs("none such"); ok {
		t.Error("found a script that is not there")
	}
}
