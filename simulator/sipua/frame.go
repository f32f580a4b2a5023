package sipua

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxMessage bounds one SIP message; a device that sends more sends garbage.
const maxMessage = 64<<10 - 1

// errFraming is wrapped by every error after which the stream cannot be read on.
var errFraming = errors.New("no SIP message can be cut from the stream")

// readFrame cuts one SIP message from a stream (RFC 3261 18.3): start line and
// headers up to the empty line, then as many octets as Content-Length says.
// Two empty lines before it are a keep-alive (RFC 5626 3.5.1), returned as ping
// without a message; a single one is passed over (RFC 3261 7.5).
// On an error, raw holds what was read of the bad message.
func readFrame(r *bufio.Reader) (raw []byte, ping bool, err error) {
	blank := 0
	for {
		line, err := r.ReadSlice('\n')
		empty := err == nil && len(bytes.TrimRight(line, "\r\n")) == 0
		if empty && len(raw) == 0 {
			if blank++; blank == 2 {
				return nil, true, nil
			}
			continue
		}
		raw = append(raw, line...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return raw, false, fmt.Errorf("%w: a line longer than %d octets", errFraming, r.Size())
		case err != nil:
			return raw, false, err
		case len(raw) > maxMessage:
			return raw, false, fmt.Errorf("%w: headers longer than %d octets", errFraming, maxMessage)
		}
		if empty {
			break
		}
	}
	length, err := contentLength(string(raw))
	if err != nil {
		return raw, false, err
	}
	if length > maxMessage-len(raw) {
		return raw, false, fmt.Errorf("%w: Content-Length %d makes more than the %d octets taken", errFraming, length, maxMessage)
	}
	body := make([]byte, length)
	n, err := io.ReadFull(r, body)
	return append(raw, body[:n]...), false, err
}

// contentLength reads the Content-Length, or its compact form l, of a start
// line and headers.
func contentLength(head string) (int, error) {
	length := -1
	for _, line := range unfold(head)[1:] {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "l") {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
		if err != nil {
			return 0, fmt.Errorf("%w: Content-Length is %.40q", errFraming, strings.TrimSpace(value))
		}
		if length >= 0 && length != int(n) {
			return 0, fmt.Errorf("%w: two different Content-Length, %d and %d", errFraming, length, n)
		}
		length = int(n)
	}
	if length < 0 {
		return 0, fmt.Errorf("%w: no Content-Length, which RFC 3261 20.14 requires over TCP", errFraming)
	}
	return length, nil
}
