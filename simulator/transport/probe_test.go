package transport

import (
	"context"
	"errors"
	"net"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"byocheck/simulator/record"
	"byocheck/simulator/transport/scripted"
)

// What a device built on OpenSSL makes of a ClientHello is recorded as it is.
func TestProbe(t *testing.T) {
	hello := func(version uint16, suites ...uint16) scripted.Hello {
		h := scripted.NewHello("sbc.test", suites...)
		h.Version = version
		return h
	}
	thirteen := hello(scripted.VersionTLS12, 0x1302)
	thirteen.Extensions = append(thirteen.Extensions, scripted.SupportedVersions(scripted.VersionTLS13))
	x25519 := hello(scripted.VersionTLS12, ecdheGCM256)
	for i := range x25519.Extensions {
		if x25519.Extensions[i].Type == 10 {
			x25519.Extensions[i] = scripted.SupportedGroups(29)
		}
	}
	for _, tt := range []struct {
		name  string
		hello scripted.Hello
		flags []string
		want  record.TLSProbe
	}{
		{"ECDHE", hello(0x0303, ecdheGCM256, rsaGCM128), nil,
			record.TLSProbe{Versions: []uint16{0x0303}, Suites: []uint16{ecdheGCM256, rsaGCM128}, Complete: true, Version: 0x0303, Suite: ecdheGCM256, Group: uint16(P384), RenegotiationInfo: true}},
		{"static RSA", hello(0x0303, rsaAES256CBCSHA256), nil,
			record.TLSProbe{Versions: []uint16{0x0303}, Suites: []uint16{rsaAES256CBCSHA256}, Complete: true, Version: 0x0303, Suite: rsaAES256CBCSHA256, RenegotiationInfo: true}},
		{"no suite of its own", hello(0x0303, 0xc0ac), nil,
			record.TLSProbe{Versions: []uint16{0x0303}, Suites: []uint16{0xc0ac}, Alert: "handshake_failure"}},
		{"no group of its own", x25519, nil,
			record.TLSProbe{Versions: []uint16{0x0303}, Suites: []uint16{ecdheGCM256}, Alert: "handshake_failure"}},
		{"TLS 1.0", hello(0x0301, rsaCBC), nil,
			record.TLSProbe{Versions: []uint16{0x0301}, Suites: []uint16{rsaCBC}, Alert: "protocol_version"}},
		{"TLS 1.3", thirteen, nil,
			record.TLSProbe{Versions: []uint16{0x0304}, Suites: []uint16{0x1302}, Alert: "protocol_version"}},
		{"TLS 1.2 where only 1.3 is spoken", hello(0x0303, ecdheGCM256), []string{"-tls1_3"},
			record.TLSProbe{Versions: []uint16{0x0303}, Suites: []uint16{ecdheGCM256}, Alert: "protocol_version"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			flags := tt.flags
			if flags == nil {
				flags = []string{"-tls1_2"}
			}
			_, addr := opensslServer(t, "ALL:@SECLEVEL=0", flags...)
			d := Dialer{Recorder: &record.Recorder{}, Origin: record.Origin{Generation: 4, Proxy: "lb03"}}
			d.Probe(t.Context(), addr, tt.name, tt.hello)
			events := d.Recorder.Since(0)
			tt.want.Name = tt.name
			if len(events) != 1 || !reflect.DeepEqual(events[0].Body, tt.want) || events[0].Generation != 4 || events[0].Proxy != "lb03" || events[0].Conn != 1 {
				t.Errorf("recorded %+v\nwant %+v", events, tt.want)
			}
		})
	}
}

// Where there is no answer in TLS, what there is instead is recorded.
func TestProbeWithoutAnswer(t *testing.T) {
	p, err := openPort(loopback()) // refuses
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		device func(*net.TCPConn) // nil: nobody listens
		closed string
		err    string // a regular expression
	}{
		{"nothing listens", t.Context(), nil, "", "unreachable: nothing listens there"},
		{"FIN", t.Context(), func(c *net.TCPConn) { c.Read(make([]byte, 1<<10)); c.Close() }, "fin", ""},
		{"RST", t.Context(), func(c *net.TCPConn) { c.SetLinger(0); c.Read(make([]byte, 1)); c.Close() }, "rst", ""},
		{"no TLS", t.Context(), func(c *net.TCPConn) { c.Write([]byte("SIP/2.0 400 Bad Request\r\n\r\n")) }, "", "reading the server's first flight"},
		{"the caller gave up before", cancelled, func(*net.TCPConn) {}, "", "enough|operation was canceled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := p.addr
			if tt.device != nil {
				ln := silent(t)
				addr = local(ln)
				go func() {
					if c, err := ln.Accept(); err == nil {
						defer c.Close()
						c.SetDeadline(time.Now().Add(patience))
						tt.device(c.(*net.TCPConn))
						c.Read(make([]byte, 1<<10))
						c.Read(make([]byte, 1))
					}
				}()
			}
			d := Dialer{Recorder: &record.Recorder{}}
			d.Probe(tt.ctx, addr, "a probe", scripted.NewHello("", ecdheGCM256))
			got := of[record.TLSProbe](d.Recorder, 1)
			if len(got) != 1 || got[0].Complete || got[0].Alert != "" || got[0].Closed != tt.closed ||
				(got[0].Error == "") != (tt.err == "") || !regexp.MustCompile(tt.err).MatchString(got[0].Error) {
				t.Errorf("recorded %+v", got)
			}
			if strings.Contains(got[0].Error, "no answer within") {
				t.Error("it waited")
			}
		})
	}
}

// A silent device is waited for, but not for ever.
func TestProbeOfSilentDevice(t *testing.T) {
	t.Parallel()
	d := Dialer{Recorder: &record.Recorder{}}
	d.Probe(t.Context(), local(silent(t)), "a probe", scripted.NewHello("", ecdheGCM256))
	if got := of[record.TLSProbe](d.Recorder, 1); len(got) != 1 || !strings.Contains(got[0].Error, "no answer within 5s") {
		t.Errorf("recorded %+v", got)
	}
}
