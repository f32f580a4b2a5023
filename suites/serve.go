package suites

import (
	"context"
	"strings"

	"byocheck/certs"
	"byocheck/simulator/record"
	"byocheck/suites/config"
	"byocheck/suites/report"
)

// Serve keeps the region or Edge of the configuration up until ctx ends, answers every
// call, and says in words what connects and why something fails. The target of
// the configuration plays no part. ready is told once everything listens.
func Serve(ctx context.Context, c config.Config, say func(format string, args ...any), ready func()) error {
	home, err := certs.Open(c.State, certs.Options{})
	if err != nil {
		return err
	}
	cloud, err := newCloud(&c, home)
	if err != nil {
		return err
	}
	rec := &record.Recorder{Limit: serving}
	lines := make(chan string, 1000)
	rec.Watch = func(e record.Event) {
		if line, news := Narrate(e); news {
			select {
			case lines <- e.Wall.Format("15:04:05.000 ") + report.Printable(line):
			default: // a flood: what is shown is enough to know
			}
		}
	}
	cloud.Recorder, cloud.AnswerAll = rec, true
	cloud.NoLists = c.Revocation.Listen.Addr().IsLoopback() && !cloud.Listen[0].Addr().IsLoopback()
	if err := cloud.Start(); err != nil {
		return err
	}
	defer cloud.Close()
	export := "byocheck certs export"
	if cloud.Edge != "" {
		say("BYOC Premises: one Edge, media security %s", cloud.MediaSecurity)
		export += " --premises"
	} else {
		say("region %s: %s", cloud.Region.Code, cloud.Region.Title)
	}
	for i, name := range cloud.Hosts() {
		say("  %s  %s", name, cloud.Listen[i])
	}
	say("  DNS for %s  %s", strings.Join(cloud.Zones(), ", "), cloud.DNS)
	if cloud.TellsRevocation() {
		say("  revocation lists and OCSP  %s", cloud.Lists)
	}
	say("  root to trust: %s (%s --state %s)", cloud.Authority.Root().Subject.CommonName, export, c.State)
	say("every call is answered; Ctrl-C ends it")
	if ready != nil {
		ready()
	}
	for {
		select {
		case line := <-lines:
			say("%s", line)
			if mark := rec.Mark(); mark%1000 == 0 {
				rec.Forget(mark)
			}
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
			defer cancel()
			cloud.HangUp(stop)
			return nil
		}
	}
}

// serving bounds the events that are kept while the region is only served: they
// are shown, not judged.
const serving = 100_000
