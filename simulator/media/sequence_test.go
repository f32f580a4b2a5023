package media

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestTrackerSequence(t *testing.T) {
	tests := []struct {
		name      string
		sequence  []uint16
		lost      int64
		reordered int
		duplicate int
		restarts  int
	}{
		{"in order", []uint16{5, 6, 7}, 0, 0, 0, 0},
		{"one lost", []uint16{5, 7}, 1, 0, 0, 0},
		{"late but there", []uint16{5, 7, 6, 8}, 0, 1, 0, 0},
		{"twice", []uint16{5, 5, 6, 5}, 0, 0, 2, 0},
		{"late twice", []uint16{5, 7, 6, 6}, 0, 1, 1, 0},
		{"older than the first", []uint16{5, 3}, 1, 1, 0, 0},
		{"wrap", []uint16{65534, 65535, 0, 1}, 0, 0, 0, 0},
		{"loss over the wrap", []uint16{65534, 1}, 2, 0, 0, 0},
		{"late over the wrap", []uint16{65534, 0, 65535}, 0, 1, 0, 0},
		{"older than the first, over the wrap", []uint16{0, 65535}, 0, 1, 0, 0},
		{"long gap", []uint16{0, 3000}, 2999, 0, 0, 0},
		{"restart forward", []uint16{0, 2, 10000, 10002}, 2, 0, 0, 1},
		{"restart backward", []uint16{10000, 5, 6}, 0, 0, 0, 1},
		{"memory is cleared in a gap", []uint16{0, 1, 1500, 1025}, 1498 - 1, 1, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tr tracker
			count := map[arrival]int{}
			for _, seq := range tt.sequence {
				count[tr.take(seq)]++
			}
			if tr.lost() != tt.lost || count[reordered] != tt.reordered || count[duplicate] != tt.duplicate || count[restarted] != tt.restarts {
				t.Errorf("lost %d, reordered %d, duplicate %d, restarted %d",
					tr.lost(), count[reordered], count[duplicate], count[restarted])
			}
		})
	}
}

func TestTrackerLongRun(t *testing.T) {
	var tr tracker
	for i := range 200_000 {
		if i%1000 == 999 {
			continue
		}
		if got := tr.take(uint16(i + 65000)); got != inOrder && got != afterGap {
			t.Fatalf("packet %d: %d", i, got)
		}
	}
	if tr.lost() != 199 { // the last one missing has none after it
		t.Errorf("lost %d", tr.lost())
	}
}

func TestTrackerJitter(t *testing.T) {
	ms := func(n ...float64) []float64 { return n }
	tests := []struct {
		name  string
		delay []float64 // of each packet beyond 20 ms pacing, in ms
		want  float64   // in ms
	}{
		{"steady", ms(0, 0, 0, 0), 0},
		{"constant delay", ms(7, 7, 7, 7), 0},
		{"one late packet", ms(0, 16, 16), 1 - 1.0/16},
		{"alternating", slices.Repeat(ms(0, 8), 200), 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tr tracker
			start := time.Unix(1000, 0)
			timestamp := uint32(math.MaxUint32 - 200) // wraps
			for i, d := range tt.delay {
				at := start.Add(time.Duration(i)*Interval + time.Duration(d*float64(time.Millisecond)))
				tr.time(timestamp, at)
				timestamp += blockSamples
			}
			if got := tr.jitter * 1000; math.Abs(got-tt.want) > 0.01 {
				t.Errorf("jitter %.3f ms, want %.3f", got, tt.want)
			}
		})
	}
}
