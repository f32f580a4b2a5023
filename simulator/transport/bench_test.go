package transport

import (
	"context"
	"io"
	"testing"

	"byocheck/simulator/record"
	"byocheck/simulator/transport/scripted"
)

// One full handshake through Server and Dialer, with its recording, and the end
// of the connection: by each engine as server, so that the first two show what
// it costs to choose.
func BenchmarkHandshake(b *testing.B) {
	for _, suite := range []uint16{ecdheGCM256, rsaGCM256} {
		for _, engine := range []Engine{Engines{}, GoEngine{}, LibSSLEngine{}, ScriptedEngine{Script: scripted.Honest}} {
			b.Run(SuiteName(suite)+"/"+engine.Name(), func(b *testing.B) {
				if engine.Name() == "libssl" {
					needLibSSL(b)
				}
				s := start(b, &Server{Engine: engine, Accept: func(c *Conn) {
					defer c.Close()
					io.Copy(io.Discard, onlyReader{c})
				}}, healthy())
				d := Dialer{Recorder: &record.Recorder{}, Engine: GoEngine{}, Suites: []uint16{suite}}
				for b.Loop() {
					c, err := d.Dial(context.Background(), s.Addr(0))
					if err != nil {
						b.Fatal(err)
					}
					c.Close()
					d.Recorder.Forget(d.Recorder.Mark())
					s.Recorder.Forget(s.Recorder.Mark())
				}
			})
		}
	}
}

// What reading a ClientHello ahead costs.
func BenchmarkPeek(b *testing.B) {
	whole := hello(b, device())
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := peek(context.Background(), &chunked{rest: whole, chunk: len(whole)}); err != nil {
			b.Fatal(err)
		}
	}
}
