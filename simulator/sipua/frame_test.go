package sipua

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/emiago/sipgo/sip"
)

// frames cuts a stream, read as r gives it, into its messages, "ping" for
// keep-alives, and the error at its end with what was read of the bad message.
func frames(r io.Reader) []string {
	br := bufio.NewReaderSize(r, 16<<10)
	var out []string
	for {
		raw, ping, err := readFrame(br)
		switch {
		case err != nil:
			return append(out, fmt.Sprintf("%q: %v", raw, err))
		case ping:
			out = append(out, "ping")
		default:
			out = append(out, string(raw))
		}
	}
}

func TestReadFrame(t *testing.T) {
	const start = "INFO sip:a SIP/2.0\r\n"
	framing := func(head string, why string) string { return fmt.Sprintf("%q: %v: %s", head, errFraming, why) }
	end := `"": EOF`
	long := strings.Repeat("x", 16<<10)
	for name, tt := range map[string]struct {
		in   string
		want []string
	}{
		"nothing":             {"", []string{end}},
		"one":                 {start + "Content-Length: 3\r\n\r\nabc", []string{start + "Content-Length: 3\r\n\r\nabc", end}},
		"two":                 {start + "l:0\r\n\r\n" + start + "L : 1\r\n\r\nx", []string{start + "l:0\r\n\r\n", start + "L : 1\r\n\r\nx", end}},
		"NUL in the body":     {start + "l: 4\r\n\r\n\x00\r\n\x00", []string{start + "l: 4\r\n\r\n\x00\r\n\x00", end}},
		"folded length":       {start + "Content-Length:\r\n\t 2\r\n\r\nab", []string{start + "Content-Length:\r\n\t 2\r\n\r\nab", end}},
		"length in a folding": {start + "Subject: x\r\n l: 9\r\nl: 1\r\n\r\na", []string{start + "Subject: x\r\n l: 9\r\nl: 1\r\n\r\na", end}},
		"same length twice":   {start + "l: 1\r\nContent-Length: 1\r\n\r\na", []string{start + "l: 1\r\nContent-Length: 1\r\n\r\na", end}},
		"ping":                {"\r\n\r\n", []string{"ping", end}},
		"ping between":        {start + "l: 0\r\n\r\n\r\n\r\n" + start + "l: 0\r\n\r\n", []string{start + "l: 0\r\n\r\n", "ping", start + "l: 0\r\n\r\n", end}},
		"one CRLF before":     {"\r\n" + start + "l: 0\r\n\r\n", []string{start + "l: 0\r\n\r\n", end}},
		"five CRLF":           {"\r\n\r\n\r\n\r\n\r\n" + start + "l: 0\r\n\r\n", []string{"ping", "ping", start + "l: 0\r\n\r\n", end}},

		"no length":          {start + "\r\n", []string{framing(start+"\r\n", "no Content-Length, which RFC 3261 20.14 requires over TCP")}},
		"two lengths":        {start + "l: 1\r\nl: 2\r\n\r\n", []string{framing(start+"l: 1\r\nl: 2\r\n\r\n", "two different Content-Length, 1 and 2")}},
		"negative length":    {start + "l: -1\r\n\r\n", []string{framing(start+"l: -1\r\n\r\n", `Content-Length is "-1"`)}},
		"signed length":      {start + "l: +1\r\n\r\n", []string{framing(start+"l: +1\r\n\r\n", `Content-Length is "+1"`)}},
		"no number":          {start + "l: many\r\n\r\n", []string{framing(start+"l: many\r\n\r\n", `Content-Length is "many"`)}},
		"overflowing length": {start + "l: 9223372036854775807\r\n\r\n", []string{framing(start+"l: 9223372036854775807\r\n\r\n", `Content-Length is "9223372036854775807"`)}},
		"huge length":        {start + "l: 2147483647\r\n\r\n", []string{framing(start+"l: 2147483647\r\n\r\n", "Content-Length 2147483647 makes more than the 65535 octets taken")}},
		"HTTP":               {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", []string{framing("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "no Content-Length, which RFC 3261 20.14 requires over TCP")}},
		"a long line":        {long + "\r\n\r\n", []string{framing(long, "a line longer than 16384 octets")}},
		"cut in the headers": {start + "l: 1\r", []string{fmt.Sprintf("%q: EOF", start+"l: 1\r")}},
		"cut in the body":    {start + "l: 3\r\n\r\nab", []string{fmt.Sprintf("%q: unexpected EOF", start+"l: 3\r\n\r\nab")}},
		"cut before it":      {start + "l: 3\r\n\r\n", []string{fmt.Sprintf("%q: EOF", start+"l: 3\r\n\r\n")}},
		"cut in a ping":      {"\r\n", []string{end}},
	} {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"at once":         strings.NewReader(tt.in),
				"octet by octet":  iotest.OneByteReader(strings.NewReader(tt.in)),
				"half by half":    iotest.HalfReader(strings.NewReader(tt.in)),
				"with its end":    iotest.DataErrReader(strings.NewReader(tt.in)),
				"line after line": &lineReader{strings.NewReader(tt.in)},
			} {
				if got := frames(r); fmt.Sprint(got) != fmt.Sprint(tt.want) {
					t.Errorf("%s: got\n%.300q\nwant\n%.300q", how, got, tt.want)
				}
			}
		})
	}
}

// lineReader gives at most one line at a time.
type lineReader struct{ r *strings.Reader }

func (l *lineReader) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if b[n], err = l.r.ReadByte(); err != nil {
			return n, err
		}
		if n++; b[n-1] == '\n' {
			break
		}
	}
	return n, nil
}

// forever repeats a text without end, counting.
type forever struct {
	text string
	n    int
}

func (f *forever) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = f.text[(f.n+i)%len(f.text)]
	}
	f.n += len(b)
	return len(b), nil
}

func TestReadFrameGivesUp(t *testing.T) {
	for name, text := range map[string]string{
		"header flood": "X: y\r\n",
		"no line end":  "x",
		"NULs":         "\x00",
	} {
		t.Run(name, func(t *testing.T) {
			r := &forever{text: text}
			raw, _, err := readFrame(bufio.NewReaderSize(r, 16<<10))
			if !errors.Is(err, errFraming) || len(raw) > maxMessage+16<<10 || r.n > 2*maxMessage {
				t.Errorf("got %v after %d octets, %d kept", err, r.n, len(raw))
			}
		})
	}
}

// chunks reads in the sizes that another text gives.
type chunks struct {
	r     io.Reader
	sizes []byte
}

func (c *chunks) Read(b []byte) (int, error) {
	n := len(b)
	if len(c.sizes) > 0 {
		n = min(n, 1+int(c.sizes[0]))
		c.sizes = c.sizes[1:]
	}
	return c.r.Read(b[:n])
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("\r\nINFO sip:a SIP/2.0\r\nl:\r\n 3\r\n\r\nabc\r\n\r\nINFO"), []byte{0, 1, 5})
	f.Add([]byte("INVITE sip:a SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n"), []byte{})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		want := frames(bytes.NewReader(stream))
		if got := frames(&chunks{bytes.NewReader(stream), sizes}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("in chunks\n%q\nat once\n%q", got, want)
		}
		for _, frame := range want {
			if len(frame) > 8*maxMessage { // an error quotes what was read
				t.Errorf("a frame of %d octets", len(frame))
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(toAgent("INVITE", "x", toNobody, 1, "Record-Route: "+routeA+", "+strictB+"\nRoute: "+ownLb01+"\nSubject: a\n\tb", offer)))
	f.Add([]byte("SIP/2.0 200 OK\r\nv: SIP / 2.0 / UDP [::1]:5060;rport;x=\"a;b, c\" , SIP/2.0/TLS b\r\nf: \"x\" <sip:a@b> ; tag = 1\r\nt: sip:b;tag=2\r\ni: 1\r\nCSeq: 1  INVITE\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parse(raw)
		if err != nil {
			return
		}
		again, err := parse([]byte(m.String()))
		if err == nil && name(again) != name(m) {
			t.Errorf("%s was written as %s", name(m), name(again))
		}
		c := &Call{}
		switch m := m.(type) { // what the agent does next must not panic
		case *sip.Request:
			received(m, netip.MustParseAddrPort("127.0.0.9:5061"))
			sip.NewResponseFromRequest(m, 200, "OK", nil)
			sip.ServerTxKeyMake(m.Clone())
			userOf(m.Recipient)
			c.learn(m, true, false)
		case *sip.Response:
			sip.ClientTxKeyMake(m)
			c.learn(m, true, true)
		}
		route(c.target, c.routes)
	})
}
