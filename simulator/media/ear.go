package media

// ear listens to decoded audio in blocks of 20 ms.
type ear struct {
	expect float64
	others []float64

	block [blockSamples]int16
	n     int // samples in block

	blocks, heard, silent uint64
	heardOthers           []uint64 // parallel to others
	meanSquares           float64  // summed over the blocks that are not silent
	last                  [blockSamples]int16
}

// listen takes samples in the order of arrival.
func (e *ear) listen(samples []int16) {
	for len(samples) > 0 {
		n := copy(e.block[e.n:], samples)
		samples, e.n = samples[n:], e.n+n
		if e.n == blockSamples {
			e.n = 0
			e.judge()
		}
	}
}

// interrupt drops a block begun: what follows does not join on to it.
func (e *ear) interrupt() { e.n = 0 }

func (e *ear) judge() {
	e.blocks++
	power := energy(e.block[:])
	if silent(e.block[:], power) {
		e.silent++
		return
	}
	e.meanSquares += power / blockSamples
	e.last = e.block
	if e.expect > 0 && goertzel(e.block[:], e.expect, power) >= dominance {
		e.heard++
	}
	for i, hz := range e.others {
		if goertzel(e.block[:], hz, power) >= dominance {
			e.heardOthers[i]++
		}
	}
}

// recognises reports whether samples are audio of a call rather than
// ciphertext: silence, a tone it knows, or correlated as speech is.
func (e *ear) recognises(samples []int16) bool {
	power := energy(samples)
	if silent(samples, power) || e.expect > 0 && goertzel(samples, e.expect, power) >= dominance {
		return true
	}
	for _, hz := range e.others {
		if goertzel(samples, hz, power) >= dominance {
			return true
		}
	}
	return !noisy(samples)
}

// share gives part of the blocks heard, 0 where there were none.
func (e *ear) share(part uint64) float64 {
	if e.blocks == 0 {
		return 0
	}
	return float64(part) / float64(e.blocks)
}

// level gives the mean level of the blocks that were not silent, in dBov.
func (e *ear) level() float64 {
	if e.blocks == e.silent {
		return dBov(0)
	}
	return dBov(e.meanSquares / float64(e.blocks-e.silent))
}

// peakHz gives the strongest frequency of the last block that was not silent.
func (e *ear) peakHz() float64 {
	if e.blocks == e.silent {
		return 0
	}
	return peak(e.last[:])
}
