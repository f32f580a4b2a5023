package media

import "time"

// Clock tells the time and ticks; tests give one that they move by hand.
type Clock interface {
	// Now must never run backwards.
	Now() time.Time
	// NewTicker ticks every d; ticks nobody takes may be dropped.
	NewTicker(d time.Duration) Ticker
}

// Ticker delivers ticks until stopped.
type Ticker interface {
	C() <-chan time.Time
	Stop()
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) NewTicker(d time.Duration) Ticker { return systemTicker{time.NewTicker(d)} }

type systemTicker struct{ *time.Ticker }

func (t systemTicker) C() <-chan time.Time { return t.Ticker.C }
