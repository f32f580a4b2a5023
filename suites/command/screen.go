package command

import (
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// screen is where a run is watched: plain lines, and on a terminal a progress
// bar with an estimate below them.
type screen struct {
	out   io.Writer
	bars  *mpb.Progress
	bar   *mpb.Bar
	begin time.Time
	total time.Duration
}

// newScreen shows a bar on env's standard error if that is a terminal.
func newScreen(env Environment, total time.Duration) *screen {
	s := &screen{out: env.Err, begin: time.Now(), total: total}
	if !env.Terminal {
		return s
	}
	s.bars = mpb.New(mpb.WithOutput(env.Err), mpb.WithWidth(40), mpb.WithAutoRefresh())
	s.out = s.bars
	s.bar = s.bars.AddBar(int64(total),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return fmt.Sprintf("%3.0f s ", time.Since(s.begin).Seconds()) })),
		// What the bar has reached comes with the call: asking the bar would wait for itself.
		mpb.AppendDecorators(decor.Any(func(now decor.Statistics) string { return s.left(time.Duration(now.Current)) })),
		mpb.BarRemoveOnComplete())
	return s
}

// left estimates what remains: the rest of the usual time, by how much faster
// or slower the run has been so far.
func (s *screen) left(done time.Duration) string {
	if done == 0 {
		return ""
	}
	rest := time.Duration(float64(s.total-done) * float64(time.Since(s.begin)) / float64(done))
	return fmt.Sprintf(" about %d s left", int(min(rest, time.Hour).Seconds()+0.5))
}

func (s *screen) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// step moves the bar by the usual time of a scenario that is done.
func (s *screen) step(usually time.Duration) {
	if s.bar != nil {
		s.bar.IncrInt64(int64(usually))
	}
}

// close removes the bar.
func (s *screen) close() {
	if s.bars != nil {
		s.bar.Abort(true)
		s.bars.Wait()
	}
}

// Colours of the words in the first column of a summary.
var colours = []struct {
	words *regexp.Regexp
	code  string
}{
	{regexp.MustCompile(`(?m)^(FAIL|ERROR|STALE)\b`), "1;31"},
	{regexp.MustCompile(`(?m)^(INCONCLUSIVE|WARN)\b`), "1;33"},
	{regexp.MustCompile(`(?m)^  (known|n/a)\b`), "33"},
	{regexp.MustCompile(`(?m)^  (pass)\b`), "32"},
	{regexp.MustCompile(`(?m)^(result:)`), "1"},
}

// paint colours a summary for a terminal.
func paint(text string) string {
	for _, c := range colours {
		text = c.words.ReplaceAllString(text, "\x1b["+c.code+"m$0\x1b[0m")
	}
	return text
}
