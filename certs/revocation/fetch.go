package revocation

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// What a fetch is for.
const (
	kindCRL         = "crl"
	kindOCSP        = "ocsp"
	kindCertificate = "certificate"
)

// Fetch is one request and what became of it.
type Fetch struct {
	At     time.Time     // when its header had been read
	Took   time.Duration // from then until all was written, or given up
	Client netip.AddrPort
	// Kind is crl, ocsp or certificate; empty for a path of no such form.
	Kind string
	// Issuer is the name it was published under, and State its state when the
	// request came; empty for a path that nobody was given in this run.
	Issuer string
	State  State
	Method string
	Path   string   // as it was sent; what is above 512 octets is cut off
	Status int      // of HTTP; 0: none was sent
	Octets int      // of the body, that were handed to the network
	Serial *big.Int // that an OCSP request is about; nil if it could not be read
	Error  string   // what was wrong with the request, or why there is no whole answer
}

// answer is what is sent, or would be were it not for the state.
type answer struct {
	status int
	media  string
	body   []byte
	err    error // why it is not what was asked for
}

func refusal(status int, err error) answer {
	return answer{status, "text/plain; charset=utf-8", []byte(http.StatusText(status) + "\n"), err}
}

// exchange is one request while it is answered.
type exchange struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	fetch  Fetch
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1) // a connection that was hijacked no longer counts
	defer s.running.Done()
	s.meet(r)
	e := &exchange{s, w, r, Fetch{At: s.Now(), Method: clip(r.Method), Path: clip(r.URL.EscapedPath())}}
	e.fetch.Client, _ = netip.ParseAddrPort(r.RemoteAddr)

	kind, i, rest := s.route(r.URL.Path)
	e.fetch.Kind = kind
	if i != nil {
		e.fetch.Issuer, e.fetch.State = i.Name, i.current()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	tooLong := new(http.MaxBytesError)
	switch {
	case errors.As(err, &tooLong):
		e.send(refusal(http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d octets", maxRequest)))
		return
	case err != nil:
		e.reset(fmt.Errorf("reading the body: %w", err))
		return
	case i == nil:
		e.send(refusal(http.StatusNotFound, errors.New("there is no such path in this run")))
		return
	}
	a := e.answer(i, rest, body)
	switch e.fetch.State {
	case Unreachable:
		e.reset(a.err)
	case Silent:
		e.hold(a.err)
	case NotFound:
		e.send(refusal(http.StatusNotFound, a.err))
	case ServerError:
		e.send(refusal(http.StatusInternalServerError, a.err))
	case Slow:
		if left := e.wait(s.SlowBy); left != nil {
			e.reset(left)
			return
		}
		e.send(a)
	default:
		e.send(a)
	}
}

// route finds what a path is for. The rest is what follows the path of OCSP.
func (s *Server) route(path string) (kind string, i *issuer, rest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run, path, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	var id string
	if after, ok := strings.CutPrefix(path, "ocsp/"); ok {
		kind = kindOCSP
		id, rest, _ = strings.Cut(after, "/")
	} else if before, ok := strings.CutSuffix(path, ".crl"); ok {
		kind, id = kindCRL, before
	} else if before, ok := strings.CutSuffix(path, ".crt"); ok {
		kind, id = kindCertificate, before
	}
	if kind != "" && run == s.run {
		i = s.byID[id]
	}
	return kind, i, rest
}

// answer makes the right answer, for the content of the state.
func (e *exchange) answer(i *issuer, rest string, body []byte) answer {
	methods := []string{http.MethodGet, http.MethodHead}
	if e.fetch.Kind == kindOCSP {
		methods = []string{http.MethodGet, http.MethodPost}
	}
	if e.r.Method != methods[0] && e.r.Method != methods[1] {
		e.w.Header().Set("Allow", strings.Join(methods, ", "))
		return refusal(http.StatusMethodNotAllowed, fmt.Errorf("the method %.20q is not for this path", e.r.Method))
	}
	content := e.fetch.State.content()
	switch e.fetch.Kind {
	case kindOCSP:
		return e.status(i, content, rest, body)
	case kindCRL:
		i.mu.Lock()
		der, err := e.server.list(i, content)
		i.mu.Unlock()
		if err != nil {
			return refusal(http.StatusInternalServerError, err)
		}
		return answer{http.StatusOK, "application/pkix-crl", der, nil} // RFC 5280 section 4.2.1.13
	}
	return answer{http.StatusOK, "application/pkix-cert", i.Certificate.Raw, nil} // section 4.2.2.1
}

// status answers an OCSP request. Errors are in the body, under status 200 (RFC
// 6960 section 2.3).
func (e *exchange) status(i *issuer, content State, rest string, body []byte) answer {
	a := answer{status: http.StatusOK, media: "application/ocsp-response"}
	var q *ocsp.Request
	if e.r.Method == http.MethodPost {
		rest = ""
	}
	if q, a.err = readStatus(rest, body); a.err != nil {
		a.body = ocsp.MalformedRequestErrorResponse
		return a
	}
	e.fetch.Serial = q.SerialNumber
	if a.err = i.asks(q); a.err != nil {
		a.body = ocsp.UnauthorizedErrorResponse
		return a
	}
	if a.body, a.err = e.server.status(i, content, q.SerialNumber, q.HashAlgorithm); a.err != nil {
		a.body = ocsp.InternalErrorErrorResponse
	}
	return a
}

// tell reports the fetch. It is called once, just before the client can know how it ends.
func (e *exchange) tell(err error) {
	if err != nil {
		e.fetch.Error = err.Error()
	}
	e.fetch.Took = e.server.Now().Sub(e.fetch.At)
	if e.server.OnFetch != nil {
		e.server.OnFetch(e.fetch)
	}
}

// send writes an answer that nobody may keep, and holds its last octet back until
// the fetch was told.
func (e *exchange) send(a answer) {
	h := e.w.Header()
	h.Set("Content-Type", a.media)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	h.Set("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "0")
	_ = http.NewResponseController(e.w).SetWriteDeadline(time.Now().Add(e.server.limits.write))
	e.w.WriteHeader(a.status)
	e.fetch.Status = a.status
	if e.r.Method == http.MethodHead {
		e.tell(a.err)
		return
	}
	last := len(a.body) - 1
	n, err := e.w.Write(a.body[:last])
	e.fetch.Octets = n
	if err != nil {
		e.tell(errors.Join(a.err, fmt.Errorf("writing the answer: %w", err)))
		return
	}
	e.fetch.Octets++
	e.tell(a.err)
	_, _ = e.w.Write(a.body[last:]) // it stays in a buffer until the end of serve
}

// hold leaves a request without an answer. It is told at once, because by the
// time that the client gives up, whoever waits for it may have judged.
func (e *exchange) hold(err error) {
	e.tell(err)
	_ = e.wait(e.server.limits.silence)
	e.drop()
}

// reset tells the fetch and ends the connection with a RST.
func (e *exchange) reset(err error) {
	e.tell(err)
	e.drop()
}

func (e *exchange) drop() {
	conn, _, err := http.NewResponseController(e.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // how a handler has net/http cut a connection
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

var (
	errLeft    = errors.New("the client left before the answer")
	errClosing = errors.New("the server was closed before the answer")
)

// wait returns nil after a while, or sooner why there is nothing to wait for.
func (e *exchange) wait(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-e.server.done:
	case <-e.r.Context().Done(): // Close ends it too
	}
	select {
	case <-e.server.done:
		return errClosing
	default:
		return errLeft
	}
}

// clip bounds what is kept of a client's text.
func clip(s string) string { return s[:min(len(s), 512)] }
