package certs

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkColdStart is the first start of all: a state directory that does not
// exist, up to the first chain. "listen" leaves out the chain, which is needed
// only at the first handshake.
func BenchmarkColdStart(b *testing.B) {
	nothing := func(*testing.B, string) {}
	b.Run("listen", func(b *testing.B) { benchmarkStart(b, HighAssuranceEV, nothing, false) })
	b.Run("chain", func(b *testing.B) { benchmarkStart(b, HighAssuranceEV, nothing, true) })
}

// BenchmarkStart is every later start, with the keys that a run has kept and
// without.
func BenchmarkStart(b *testing.B) {
	b.Run("listen", func(b *testing.B) { benchmarkStart(b, HighAssuranceEV, withKeys, false) })
	b.Run("chain without keys", func(b *testing.B) { benchmarkStart(b, HighAssuranceEV, withoutKeys, true) })
	for _, s := range shapes {
		b.Run("chain/"+string(s.id), func(b *testing.B) { benchmarkStart(b, s.id, withKeys, true) })
	}
}

func benchmarkStart(b *testing.B, h Hierarchy, prepare func(b *testing.B, dir string), chain bool) {
	for b.Loop() {
		b.StopTimer()
		dir := filepath.Join(b.TempDir(), "state")
		prepare(b, dir)
		b.StartTimer()
		lab, err := Open(dir, at(testStart))
		if err != nil {
			b.Fatal(err)
		}
		a, err := lab.NewAuthority(h)
		if err == nil && chain {
			_, err = a.Chain(Healthy, use1)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLeaf is one chain after another of a run: a leaf signed by the
// intermediate of the run, by one that is signed for it, and with a new key.
func BenchmarkLeaf(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "state")
	withKeys(b, dir)
	lab, err := Open(dir, at(testStart))
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range shapes {
		a, err := lab.NewAuthority(s.id)
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range []Profile{Healthy, MD5Signature, ExpiredIntermediate, RotatedLeaf} {
			b.Run(string(s.id)+"/"+string(p), func(b *testing.B) {
				for b.Loop() {
					if _, err := a.Chain(p, use1); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
			})
		}
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
