//go:build linux

package libssl_test

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// One full handshake a turn over loopback TCP, both ends in this process: each
// engine against itself, with P-384 and with static RSA. Both ends are paid for.
func BenchmarkHandshake(b *testing.B) {
	all := engines(b)
	for _, suite := range []uint16{ecdheGCM256, rsaGCM256} {
		for _, e := range all {
			b.Run(nameOf(suite)+"/"+e.name, func(b *testing.B) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				defer l.Close()
				go func() {
					for {
						raw, err := l.Accept()
						if err != nil {
							return
						}
						go func() {
							defer raw.Close()
							if c, err := e.server(b.Context(), raw); err == nil {
								io.Copy(io.Discard, c)
								c.Close()
							}
						}()
					}
				}()
				before := spent(b)
				for b.Loop() {
					raw, err := net.Dial("tcp", l.Addr().String())
					if err != nil {
						b.Fatal(err)
					}
					c, err := e.client(b.Context(), raw, suite)
					if err != nil {
						b.Fatal(err)
					}
					c.Close()
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "handshakes/s")
				b.ReportMetric((spent(b)-before).Seconds()*1000/float64(b.N), "cpu-ms/op")
			})
		}
	}
}

// spent is the processor time that this process has used.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What a connection costs that is not a handshake: one message there and back.
func BenchmarkExchange(b *testing.B) {
	for _, e := range engines(b) {
		b.Run(e.name, func(b *testing.B) {
			raw, other := pair(b)
			s, c := connect(b,
				func() (net.Conn, error) { return e.server(b.Context(), raw) },
				func() (net.Conn, error) { return e.client(b.Context(), other, rsaGCM256) })
			text := string(make([]byte, 1000))
			for b.Loop() {
				if err := exchange(c, s, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
