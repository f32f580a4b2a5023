package transport

import (
	"context"
	"io"
	"testing"

	"byocheck/simulator/record"
)

// One full handshake through Server and Dialer, with its recording, and the end
// of the connection.
func BenchmarkHandshake(b *testing.B) {
	for _, suite := range []uint16{ecdheGCM256, rsaGCM256} {
		b.Run(SuiteName(suite), func(b *testing.B) {
			s := start(b, &Server{Accept: func(c *Conn) {
				defer c.Close()
				io.Copy(io.Discard, onlyReader{c})
			}}, healthy())
			d := Dialer{Recorder: &record.Recorder{}, Suites: []uint16{suite}}
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
