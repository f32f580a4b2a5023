package media

import (
	"math"
	"math/rand/v2"
	"testing"
)

// mix adds sines of equal amplitude, clipped where they exceed 16 bits.
func mix(amplitude float64, hz ...float64) []int16 {
	block := make([]int16, blockSamples)
	for i := range block {
		var v float64
		for k, f := range hz {
			v += amplitude * math.Sin(2*math.Pi*f*float64(i)/SampleRate+float64(k))
		}
		block[i] = int16(max(math.MinInt16, min(math.MaxInt16, v)))
	}
	return block
}

func noise(seed uint64) []int16 {
	source := rand.New(rand.NewPCG(seed, 0))
	block := make([]int16, blockSamples)
	for i := range block {
		block[i] = int16(source.NormFloat64() * 3000)
	}
	return block
}

func TestEarToneDominates(t *testing.T) {
	const expect = 1004
	tests := []struct {
		name          string
		block         []int16
		heard, silent bool
	}{
		{"the tone", mix(8000, expect), true, false},
		{"the tone, faint", mix(300, expect), true, false},
		{"the tone, clipped", mix(60000, expect), true, false},
		{"10 Hz beside", mix(8000, expect+10), true, false},
		{"50 Hz beside", mix(8000, expect+50), false, false},
		{"100 Hz beside", mix(8000, expect-100), false, false},
		{"another tone", mix(8000, 440), false, false},
		{"half its frequency", mix(8000, expect/2), false, false},
		{"DTMF 1", mix(8000, 697, 1209), false, false},
		{"DTMF *", mix(8000, 941, 1209), false, false},
		{"with an equally loud tone", mix(8000, expect, 440), false, false},
		{"noise", noise(1), false, false},
		{"nothing", make([]int16, blockSamples), false, true},
		{"A-law idle", PCMA.Decode(nil, PCMA.Encode(nil, make([]int16, blockSamples))), false, true},
		{"the tone, below silence", mix(80, expect), false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := ear{expect: expect, others: []float64{440}, heardOthers: make([]uint64, 1)}
			e.listen(tt.block)
			if e.blocks != 1 || (e.heard == 1) != tt.heard || (e.silent == 1) != tt.silent {
				t.Errorf("blocks %d, heard %d, silent %d; share %.2f",
					e.blocks, e.heard, e.silent, goertzel(tt.block, expect, energy(tt.block)))
			}
			if other := tt.name == "another tone"; (e.heardOthers[0] == 1) != other {
				t.Errorf("other tone heard %d times", e.heardOthers[0])
			}
		})
	}
}

func TestGoertzelShare(t *testing.T) {
	for hz := 100.0; hz <= 3900; hz += 37 {
		block := mix(8000, hz)
		if share := goertzel(block, hz, energy(block)); share < 0.9 || share > 1.1 {
			t.Errorf("%g Hz holds %.3f of its own energy", hz, share)
		}
		if got := peak(block); math.Abs(got-hz) > 5 {
			t.Errorf("peak of %g Hz found at %g", hz, got)
		}
		for _, other := range []float64{hz - spacing, hz + spacing} {
			if share := goertzel(block, other, energy(block)); other >= 100 && other <= 3900 && share > 0.2 {
				t.Errorf("%g Hz holds %.3f of a tone of %g Hz", other, share, hz)
			}
		}
	}
	for seed := range uint64(500) {
		block := noise(seed)
		if share := goertzel(block, 1004, energy(block)); share > 0.2 {
			t.Errorf("noise %d: share %.3f", seed, share)
		}
	}
}

func TestEarJoinsPackets(t *testing.T) {
	e := ear{expect: 1004}
	o := oscillator{hz: 1004}
	for _, n := range []int{80, 80, 240, 240, 1, 159} { // 10 ms, 30 ms, odd
		samples := make([]int16, n)
		o.fill(samples)
		e.listen(samples)
	}
	if e.blocks != 5 || e.heard != 5 {
		t.Errorf("%d of %d blocks heard, want 5 of 5", e.heard, e.blocks)
	}
	e.listen(make([]int16, 100))
	e.interrupt()
	e.listen(mix(8000, 1004))
	if e.blocks != 6 || e.heard != 6 {
		t.Errorf("after an interruption %d of %d blocks heard, want 6 of 6", e.heard, e.blocks)
	}
	if got := e.level(); math.Abs(got+15.1) > 0.3 {
		t.Errorf("level %.1f dBov", got)
	}
}

func TestNoisyTellsCiphertextFromAudio(t *testing.T) {
	source := rand.NewChaCha8([32]byte{1})
	octets := make([]byte, blockSamples)
	for _, codec := range []Codec{PCMU, PCMA} {
		for range 2000 {
			source.Read(octets)
			if samples := codec.Decode(nil, octets); !noisy(samples) {
				t.Fatalf("ciphertext as %s passes for audio", codec)
			}
		}
	}
	for name, block := range map[string][]int16{
		"vowel": mix(3000, 150, 300, 450, 600), "dial tone": mix(8000, 350, 440), "ringing": mix(8000, 425),
	} {
		if noisy(block) {
			t.Errorf("%s passes for ciphertext", name)
		}
	}
}

func BenchmarkGoertzelBlock(b *testing.B) {
	block := mix(8000, 1004)
	power := energy(block)
	for b.Loop() {
		goertzel(block, 1004, power)
	}
}

func BenchmarkPeak(b *testing.B) {
	block := mix(8000, 1004)
	for b.Loop() {
		peak(block)
	}
}
