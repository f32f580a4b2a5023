package sipua

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// parser is sipgo's, but for two headers that responses repeat unchanged (RFC
// 3261 8.2.6.2, 12.1.1): sipgo's own reading of them loses parameters.
var parser = sip.NewParser(sip.WithHeadersParsers(headerParsers()))

func headerParsers() map[string]sip.HeaderParser {
	out := maps.Clone(sip.DefaultHeadersParser())
	sentBy := out["via"]
	out["via"] = func(name []byte, value string) (sip.Header, error) {
		head, rest, _ := strings.Cut(value, ";")
		h, err := sentBy(name, slashes.ReplaceAllString(strings.TrimSpace(head), "/"))
		if err != nil {
			return nil, err
		}
		via, ok := h.(*sip.ViaHeader)
		if !ok || via.Host == "" {
			return nil, fmt.Errorf("no host in Via %.60q", value)
		}
		via.Params = parameters(rest)
		return via, nil
	}
	out["record-route"] = func(_ []byte, value string) (sip.Header, error) {
		return sip.NewHeader("Record-Route", value), nil
	}
	return out
}

var slashes = regexp.MustCompile(`[ \t]*/[ \t]*`)

// parameters reads what stands behind the first semicolon of a header value.
func parameters(text string) sip.HeaderParams {
	var out sip.HeaderParams
	for _, p := range split(text, ';') {
		if p == "" {
			continue
		}
		k, v, _ := strings.Cut(p, "=")
		v = strings.TrimSpace(v)
		if strings.ContainsAny(v, " \t") { // sipgo puts these quotes back
			v = strings.TrimSuffix(strings.TrimPrefix(v, `"`), `"`)
		}
		out = append(out, sip.HeaderKV{K: strings.TrimSpace(k), V: v})
	}
	return out
}

// maxFields bounds the header fields of a message and the commas in them: each
// value is kept apart, and repeated in the response.
const maxFields = 1000

// normal rewrites the header lines that sipgo would misread, each into another
// form of the same: folded lines into one (RFC 3261 7.3.1), lists of Via and
// Record-Route into lines of their own, no blanks around the parameters of From and To.
func normal(raw []byte) ([]byte, error) {
	head, body, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !ok {
		return nil, errors.New("no empty line after the headers")
	}
	lines := unfold(string(head))
	out := make([]byte, 0, len(raw)+64)
	out = append(out, lines[0]...)
	if fields := len(lines) + bytes.Count(head, []byte{','}); fields > maxFields {
		return nil, fmt.Errorf("%d header fields and values, more than the %d taken", fields, maxFields)
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "via", "v":
			for _, v := range list(value) {
				out = append(out, "\r\nVia: "+v...)
			}
		case "record-route":
			for _, v := range list(value) {
				out = append(out, "\r\nRecord-Route: "+v...)
			}
		case "from", "f":
			out = append(out, "\r\nFrom: "+tidy(value)...)
		case "to", "t":
			out = append(out, "\r\nTo: "+tidy(value)...)
		default:
			out = append(out, "\r\n"+line...)
		}
	}
	return append(append(out, "\r\n\r\n"...), body...), nil
}

// unfold splits the part before the body into its lines, continuation lines
// joined to the ones they continue. The first is the start line.
func unfold(head string) []string {
	var out []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if len(out) > 1 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			out[len(out)-1] += " " + strings.TrimLeft(line, " \t")
			continue
		}
		out = append(out, line)
	}
	return out
}

// list splits a header value at its commas.
func list(value string) []string { return split(value, ',') }

// split splits a header value at a separator, but not inside quotes or angle
// brackets, and trims the parts.
func split(value string, separator byte) []string {
	var out []string
	start, quoted, bracketed := 0, false, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == separator && !bracketed:
			out = append(out, strings.TrimSpace(value[start:i]))
			start = i + 1
		case c == '<':
			bracketed = true
		case c == '>':
			bracketed = false
		}
	}
	return append(out, strings.TrimSpace(value[start:]))
}

// tidy takes the blanks out of what follows an address, where quotes do not hold them.
func tidy(value string) string {
	end := strings.LastIndexByte(value, '>') + 1
	out := []byte(strings.TrimSpace(value[:end]))
	quoted := false
	for _, c := range []byte(value[end:]) {
		if c == '"' {
			quoted = !quoted
		}
		if quoted || c != ' ' && c != '\t' {
			out = append(out, c)
		}
	}
	return string(out)
}

// uriOf returns the URI of one Route or Record-Route value: what stands
// between its angle brackets.
func uriOf(value string) string {
	if name := split(value, '<'); len(name) > 1 { // a display name may hold one, in quotes
		value, _, _ = strings.Cut(name[1], ">")
	}
	return value
}

// received notes in the topmost Via where a request came from, if it says
// otherwise (RFC 3261 18.2.1). The rport of RFC 3581 is put in by sipgo.
func received(req *sip.Request, source netip.AddrPort) {
	via := req.Via()
	sentBy, err := netip.ParseAddr(strings.Trim(via.Host, "[]"))
	if err != nil || sentBy.Unmap() != source.Addr() {
		via.Params.Add("received", source.Addr().String())
	}
}
