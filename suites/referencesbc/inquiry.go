package referencesbc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
)

const (
	// maxAsked bounds the addresses of a certificate that are asked, of either kind.
	maxAsked = 4
	// maxFetched bounds what is fetched from one, in octets.
	maxFetched = 20 << 20
	// maxKept bounds the rulings that are kept.
	maxKept = 32
	// keepRuling is how long a ruling is kept at most, keepFailure how long it is
	// remembered that there was none: four proxies with the same certificate
	// must not cost four timeouts.
	keepRuling, keepFailure = time.Minute, 5 * time.Second
)

// source is an address where something can be learnt of a certificate.
type source struct {
	url          string
	list         bool // a revocation list; else an OCSP responder
	cert, issuer *x509.Certificate
}

// sources returns the addresses that a certificate names.
func (s *SBC) sources(cert, issuer *x509.Certificate) []source {
	var out []source
	add := func(urls []string, list bool) {
		for _, u := range urls[:min(len(urls), maxAsked)] {
			out = append(out, source{u, list, cert, issuer})
		}
	}
	if s.Mutant != IgnoresCRL {
		add(cert.CRLDistributionPoints, true)
	}
	if s.Mutant != IgnoresOCSP {
		add(cert.OCSPServer, false)
	}
	return out
}

// key tells what has to be the same for one ruling to do for two questions.
func (q source) key() string {
	about := fmt.Sprintf("list, of CAs %t", q.cert.IsCA)
	if !q.list {
		about = fmt.Sprintf("response, %x", sha256.Sum256(q.cert.Raw))
	}
	return fmt.Sprintf("%s, %x, %s", about, sha256.Sum256(q.issuer.Raw), q.url)
}

func (q source) request(ctx context.Context) (*http.Request, error) {
	if !strings.HasPrefix(strings.ToLower(q.url), "http://") {
		return nil, errors.New("only http is spoken")
	}
	if q.list {
		return http.NewRequestWithContext(ctx, http.MethodGet, q.url, nil)
	}
	der, err := ocsp.CreateRequest(q.cert, q.issuer, nil)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, q.url, bytes.NewReader(der)) // RFC 6960 A.1
	if err == nil {
		r.Header.Set("Content-Type", "application/ocsp-request")
	}
	return r, err
}

func (q source) read(body []byte, now time.Time) (ruling, error) {
	if q.list {
		return readList(body, q.url, q.cert, q.issuer, now)
	}
	return readResponse(body, q.cert, q.issuer, now)
}

// rulings are those that are kept, by key. The zero value works.
type rulings struct {
	mu    sync.Mutex
	known map[string]kept
}

type kept struct {
	ruling ruling
	err    error
	until  time.Time
}

func (k *rulings) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.known)
}

func (k *rulings) get(key string, now time.Time) (kept, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.known[key]
	return r, ok && now.Before(r.until)
}

func (k *rulings) put(key string, r kept, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[string]kept{}
	}
	for old, r := range k.known {
		if !now.Before(r.until) {
			delete(k.known, old)
		}
	}
	if len(k.known) >= maxKept {
		clear(k.known)
	}
	k.known[key] = r
}

// ask returns the ruling of a source: one that is kept, or a new one.
func (s *SBC) ask(ctx context.Context, q source) (ruling, error) {
	key := q.key()
	if r, ok := s.rulings.get(key, s.now()); ok {
		return r.ruling, r.err
	}
	body, err := s.fetch(ctx, q)
	now := s.now()
	var fresh ruling
	if err == nil {
		fresh, err = q.read(body, now)
	}
	until := now.Add(keepRuling)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return ruling{}, err // we gave up, which says nothing of the source
	case err != nil:
		err, until = fmt.Errorf("asking %s: %w", q.url, err), now.Add(keepFailure)
	case !fresh.until.IsZero() && fresh.until.Before(until):
		until = fresh.until
	}
	s.rulings.put(key, kept{fresh, err, until}, now)
	return fresh, err
}

// fetch asks a source over HTTP, and follows it nowhere else.
func (s *SBC) fetch(ctx context.Context, q source) ([]byte, error) {
	request, err := q.request(ctx)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DialContext: s.dialHTTP, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", r.Status)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxFetched+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxFetched:
		return nil, fmt.Errorf("the answer is longer than %d octets", maxFetched)
	}
	return body, nil
}

// dialHTTP connects from our own address, and resolves names where those of the
// proxies are resolved, and nowhere else.
func (s *SBC) dialHTTP(ctx context.Context, network, to string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err != nil {
		found, err := s.names.ask(ctx, host)
		if err != nil {
			return nil, err
		}
		host = found.addrs[0].String()
	}
	d := s.dialer()
	return d.DialContext(ctx, network, net.JoinHostPort(host, port))
}
