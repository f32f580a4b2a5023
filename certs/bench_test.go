package certs

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkStart is what a program does before it can present a certificate:
// Open, NewAuthority and the first Chain. "listen" leaves out the chain, which
// is needed only at the first handshake.
func BenchmarkStart(b *testing.B) {
	const open, chain = false, true
	for _, bm := range []struct {
		name      string
		hierarchy Hierarchy
		prepare   func(b *testing.B, dir string)
		upTo      bool
	}{
		{"new state/listen", HighAssuranceEV, func(*testing.B, string) {}, open},
		{"new state/chain", HighAssuranceEV, func(*testing.B, string) {}, chain},
		{"state without keys/listen", HighAssuranceEV, withoutKeys, open},
		{"state without keys/chain", HighAssuranceEV, withoutKeys, chain},
		{"state/listen", HighAssuranceEV, withKeys, open},
		{"state/chain/high-assurance-ev", HighAssuranceEV, withKeys, chain},
		{"state/chain/global-g2", GlobalG2, withKeys, chain},
		{"state/chain/global-g3", GlobalG3, withKeys, chain},
	} {
		b.Run(bm.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				dir := filepath.Join(b.TempDir(), "state")
				bm.prepare(b, dir)
				b.StartTimer()
				lab, err := Open(dir, at(testStart))
				if err != nil {
					b.Fatal(err)
				}
				a, err := lab.NewAuthority(bm.hierarchy)
				if err != nil {
					b.Fatal(err)
				}
				if bm.upTo == chain {
					if _, err := a.Chain(Healthy, use1); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func withKeys(b *testing.B, dir string) {
	from, err := template()
	if err == nil {
		err = os.CopyFS(dir, os.DirFS(from))
	}
	if err != nil {
		b.Fatal(err)
	}
}

func withoutKeys(b *testing.B, dir string) {
	withKeys(b, dir)
	if err := os.RemoveAll(filepath.Join(dir, "keys")); err != nil {
		b.Fatal(err)
	}
}
