package transport

import (
	"encoding/binary"
	"errors"

	"byocheck/simulator/record"
)

var errHello = errors.New("malformed ClientHello")

// parseHello reads the body of a ClientHello handshake message (RFC 5246
// 7.4.1.2, extensions of RFC 6066, 8422 and 8446). What it cannot read it
// leaves empty and reports; Raw is always set by the caller.
func parseHello(b []byte) (record.ClientHello, error) {
	var h record.ClientHello
	r := reader{b: b}
	legacy := r.u16()
	r.skip(32) // random
	r.skip(int(r.u8()))
	h.Suites = r.list16(int(r.u16()))
	r.skip(int(r.u8())) // compression methods
	h.Versions = []uint16{legacy}
	if r.bad {
		return h, errHello
	}
	if len(r.b) == 0 {
		return h, nil
	}
	exts := reader{b: r.take(int(r.u16()))}
	for !exts.bad && len(exts.b) > 0 {
		id := exts.u16()
		body := reader{b: exts.take(int(exts.u16()))}
		if exts.bad {
			break
		}
		h.Extensions = append(h.Extensions, id)
		switch id {
		case 0: // server_name
			names := reader{b: body.take(int(body.u16()))}
			for len(names.b) > 0 && !names.bad {
				kind, name := names.u8(), names.take(int(names.u16()))
				if kind == 0 && !names.bad {
					h.ServerName = string(name)
				}
			}
			body.bad = body.bad || names.bad
		case 10: // supported_groups
			h.Groups = body.list16(int(body.u16()))
		case 13: // signature_algorithms
			h.SignatureSchemes = body.list16(int(body.u16()))
		case 50: // signature_algorithms_cert
			h.CertificateSchemes = body.list16(int(body.u16()))
		case 43: // supported_versions
			h.Versions = body.list16(int(body.u8()))
		}
		exts.bad = exts.bad || body.bad
	}
	if r.bad || exts.bad {
		return h, errHello
	}
	return h, nil
}

// parseCertificates reads the body of a TLS 1.2 Certificate message (RFC 5246 7.4.2).
func parseCertificates(b []byte) ([][]byte, error) {
	r := reader{b: b}
	list := reader{b: r.take(r.u24())}
	var out [][]byte
	for len(list.b) > 0 && !list.bad {
		out = append(out, append([]byte(nil), list.take(list.u24())...))
	}
	if r.bad || list.bad {
		return nil, errors.New("malformed Certificate")
	}
	return out, nil
}

// reader takes fields off a byte string and remembers if it ever ran short.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad = true
		r.b = nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) skip(n int) { r.take(n) }

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u24() int {
	if b := r.take(3); b != nil {
		return int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	}
	return 0
}

func (r *reader) list16(n int) []uint16 {
	b := r.take(n)
	if len(b)%2 != 0 {
		r.bad = true
	}
	var out []uint16
	for ; len(b) >= 2; b = b[2:] {
		out = append(out, binary.BigEndian.Uint16(b))
	}
	return out
}
