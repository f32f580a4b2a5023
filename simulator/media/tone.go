package media

import "math"

// blockSamples is one block of analysis and one packet sent: 20 ms.
const blockSamples = SampleRate / 50

// toneAmplitude is the peak of a tone sent, about -15 dBov: loud, and 12 dB
// below clipping, so that a device with gain does not distort it.
const toneAmplitude = 8192

const (
	// dominance is the share of a block's energy that a tone must hold to
	// dominate the block. One pure tone holds nearly all; either of two
	// equally loud tones (a DTMF digit, a tone and its like-loud echo) half;
	// noise 2 parts in 160. Above one half, two tones never both dominate.
	dominance = 0.6
	// silenceDBov is the level below which a block is silence: above
	// comfort noise and the idle steps of both laws, 35 dB below our tones.
	silenceDBov = -50
	// spacing is how far apart tones must be to be told apart, in Hz: two
	// bins of a 20 ms block.
	spacing = 2 * SampleRate / blockSamples
)

// oscillator makes a sine without breaks from one block to the next.
type oscillator struct {
	hz    float64 // 0: silence
	phase float64 // in radians
}

func (o *oscillator) fill(dst []int16) {
	step := 2 * math.Pi * o.hz / SampleRate
	for i := range dst {
		dst[i] = int16(math.Round(toneAmplitude * math.Sin(o.phase)))
		o.phase += step
		if o.phase >= 2*math.Pi {
			o.phase -= 2 * math.Pi
		}
	}
}

// goertzel gives the share, 0 to about 1, of the block's energy that a sine
// of hz holds. The frequency need not fall on a bin. The block must have some
// energy; see [energy].
func goertzel(block []int16, hz, energy float64) float64 {
	if energy == 0 {
		return 0
	}
	coefficient := 2 * math.Cos(2*math.Pi*hz/SampleRate)
	var s1, s2 float64
	for _, x := range block {
		s1, s2 = float64(x)+coefficient*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - coefficient*s1*s2
	return 2 * power / (float64(len(block)) * energy)
}

// energy is the sum of the squares of the samples.
func energy(block []int16) float64 {
	var sum float64
	for _, x := range block {
		sum += float64(x) * float64(x)
	}
	return sum
}

// dBov gives the level of a mean square, relative to the largest that 16 bits
// hold (RFC 6465 section 3): 0 is overload, -127 is silence and the floor.
func dBov(meanSquare float64) float64 {
	if meanSquare <= 0 {
		return -127
	}
	return max(-127, 10*math.Log10(meanSquare/(32768*32768)))
}

func silent(block []int16, energy float64) bool {
	return dBov(energy/float64(len(block))) < silenceDBov
}

// peak finds the frequency of the strongest sine in the block, to 5 Hz.
func peak(block []int16) float64 {
	e := energy(block)
	best, bestShare := 0.0, 0.0
	scan := func(from, to, step float64) {
		for hz := from; hz <= to; hz += step {
			if share := goertzel(block, hz, e); share > bestShare {
				best, bestShare = hz, share
			}
		}
	}
	scan(50, SampleRate/2-50, 25)
	scan(best-25, best+25, 5)
	return best
}

// noisy reports whether the block looks like ciphertext decoded as audio.
// Every octet is then as likely as any other and says nothing of the next, so
// on the companded scale neighbouring samples are uncorrelated (±0.08 for 160
// samples). Speech, music and tones below 1.3 kHz lie above one half.
func noisy(block []int16) bool {
	var product, square, previous float64
	for _, x := range block {
		v := math.Copysign(math.Log1p(math.Abs(float64(x))/32), float64(x))
		product += v * previous
		square += v * v
		previous = v
	}
	return product < square/2
}
