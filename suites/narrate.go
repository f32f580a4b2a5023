package suites

import (
	"fmt"
	"strings"

	"byocheck/simulator/record"
	"byocheck/simulator/transport"
)

// Narrate says in words what an event shows the device doing, and why something
// failed. ok is false for events that are no news to a person who watches.
func Narrate(e record.Event) (line string, ok bool) {
	at := ""
	if e.Proxy != "" {
		at = e.Proxy + ": "
	}
	switch b := e.Body.(type) {
	case record.Accepted:
		if b.Foreign {
			return at + "connection from " + b.Remote + ", which is not among device.sources: closed", true
		}
		return at + "the device connected from " + b.Remote, true
	case record.Dialled:
		if b.Error != "" {
			return at + b.Error, true
		}
	case record.HandshakeDone:
		return at + fmt.Sprintf("TLS handshake done: %s%s", transport.SuiteName(b.Suite), sni(b)), true
	case record.HandshakeFailed:
		return at + failed(b), true
	case record.Alert:
		if b.Dir == record.In && b.Code != 0 {
			return at + "the device sent alert " + b.Name + meaning(b.Name), true
		}
	case record.SIPMessage:
		return spoken(at, b)
	case record.SIPGarbage:
		return at + "what the device sent is no SIP message: " + b.Error, true
	case record.Call:
		return called(at, b)
	case record.Media:
		return fmt.Sprintf("%sthe %s heard %d packets, the far end's tone in %.0f %% of them", at, b.Leg, b.Received, 100*b.ToneShare), true
	case record.Fetch:
		return fetched(b), true
	case record.DNSQuery:
		return fmt.Sprintf("DNS: %s asked for %s %s: %s %s", b.Client, b.Type, b.Name, b.Rcode, strings.Join(b.Answers, " ")), true
	}
	return "", false
}

func sni(b record.HandshakeDone) string {
	if b.ServerName == "" {
		return ", no SNI"
	}
	return ", SNI " + b.ServerName
}

func failed(b record.HandshakeFailed) string {
	switch {
	case b.Deadline:
		return "TLS handshake cut: it took longer than the deadline"
	case b.By == record.Device:
		return "TLS handshake ended by the device"
	}
	return "TLS handshake refused by us: " + b.Error
}

func fetched(b record.Fetch) string {
	what := map[string]string{record.CRL: "the revocation list", record.OCSP: "OCSP", record.Certificate: "the certificate"}[b.What]
	answer := fmt.Sprintf("HTTP %d, %d octets", b.Status, b.Octets)
	if b.Status == 0 {
		answer = "no answer"
	}
	return fmt.Sprintf("revocation: %s asked for %s of %s: %s", b.Client, what, b.Issuer, answer)
}

// meanings of alerts for the person at the device.
var meanings = map[string]string{
	"unknown_ca":          "it does not trust the certificate's root",
	"bad_certificate":     "it does not accept the certificate, often for its name",
	"certificate_unknown": "it does not accept the certificate",
	"certificate_expired": "it finds the certificate out of date: check its clock",
	"certificate_revoked": "it finds the certificate revoked",
	"handshake_failure":   "it finds no cipher suite or group in common",
	"protocol_version":    "it does not accept TLS 1.2",
}

func meaning(alert string) string {
	if m := meanings[alert]; m != "" {
		return " (" + m + ")"
	}
	return ""
}

func spoken(at string, b record.SIPMessage) (string, bool) {
	if b.Dir == record.Out || b.Method == "ACK" {
		return "", false
	}
	first, _, _ := strings.Cut(string(b.Raw), "\r\n")
	if b.Status > 0 {
		if b.Status == 100 {
			return "", false
		}
		return fmt.Sprintf("%sthe device answered %s with %.60s", at, b.Method, strings.TrimPrefix(first, "SIP/2.0 ")), true
	}
	return fmt.Sprintf("%sthe device sent %.160s", at, strings.TrimSuffix(first, " SIP/2.0")), true
}

func called(at string, b record.Call) (string, bool) {
	switch b.State {
	case "ended":
		who := "we"
		if b.By == record.Device {
			who = "the device"
		}
		return fmt.Sprintf("%sthe call at the %s was ended: %s hung up", at, b.Leg, who), true
	case "failed":
		return fmt.Sprintf("%sthe call at the %s failed: %s", at, b.Leg, b.Error), true
	}
	return "", false
}
