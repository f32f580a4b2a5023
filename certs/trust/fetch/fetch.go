// Package fetch gets the revocation information that certificates say is to be
// had for them: CRLs and OCSP answers, over HTTP, within bounds. What it brings
// is only recorded; package trust judges it.
//
// The addresses come from the certificates that a device presents, so they are
// the device's choice: nothing but a plain GET of a CRL or POST of an OCSP
// request goes there, and nothing of this host's is in it.
package fetch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ocsp"

	"byocheck/certs/trust"
)

const (
	defaultTimeout   = 5 * time.Second
	defaultMaxOctets = 20 << 20
	maxRedirects     = 2
	// maxURLs is how many requests one chain may cause, and maxEach how many of
	// a kind one certificate may.
	maxURLs = 12
	maxEach = 3
	// parallel is how many of them are under way at a time.
	parallel = 4
)

// Fetcher asks for revocation information. The zero value is ready for use, and
// one Fetcher may be used by several goroutines.
type Fetcher struct {
	// Client does the requests. Nil means one that uses no proxy and keeps no
	// connections. Whatever its own rules are, there are no cookies, and at most
	// two redirects, to http only.
	Client *http.Client
	// Timeout is that of one request, body included. Zero means 5 s.
	Timeout time.Duration
	// MaxOctets is how much the bodies of one call of Answers may hold
	// altogether. Zero means 20 MiB.
	MaxOctets int64
}

// Answers asks for the certificates of a chain (DER, leaf first) what their own
// CRL and OCSP addresses say. Roots are the lab's trust anchors, in which the
// issuer is looked for too. It fails never as a whole: an address that is not
// http, is not reachable or brings nothing is an Answer with Error. The order is
// that of the chain, CRLs first; the result is not nil.
func (f Fetcher) Answers(ctx context.Context, chain, roots [][]byte) []trust.Answer {
	wanted := wants(chain, roots)
	out := make([]trust.Answer, len(wanted))
	left := &allowance{}
	left.Store(cmp.Or(f.MaxOctets, defaultMaxOctets))
	client := f.client()
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i, w := range wanted {
		out[i] = w.Answer
		if w.Error != "" {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			begun := time.Now()
			body, err := f.get(ctx, client, w, left)
			out[i].Took = time.Since(begun)
			if err != nil {
				out[i].Error = reason(err)
				return
			}
			out[i].Body = body
		})
	}
	wg.Wait()
	return out
}

// want is an answer to be had.
type want struct {
	trust.Answer
	request []byte // of OCSP
}

// wants lists what a chain gives occasion to ask.
func wants(chain, roots [][]byte) []want {
	var out []want
	for _, l := range trust.Links(chain, roots) {
		subject := trust.Fingerprint(l.Certificate)
		add := func(kind string, urls []string, request []byte, err error) {
			for _, u := range urls[:min(len(urls), maxEach)] {
				w := want{Answer: trust.Answer{Kind: kind, URL: u, Subject: subject}, request: request}
				if len(out) >= maxURLs {
					err = fmt.Errorf("not asked: the chain has more than %d addresses", maxURLs)
				}
				if err := cmp.Or(err, allowed(u)); err != nil {
					w.Error = err.Error()
				}
				out = append(out, w)
			}
		}
		add(trust.KindCRL, l.Certificate.CRLDistributionPoints, nil, nil)
		if l.Issuer == nil {
			add(trust.KindOCSP, l.Certificate.OCSPServer, nil, errors.New("not asked: an OCSP request names the issuer's key, and the issuer's certificate is not there"))
			continue
		}
		request, err := ocsp.CreateRequest(l.Certificate, l.Issuer, nil)
		add(trust.KindOCSP, l.Certificate.OCSPServer, request, err)
	}
	return out
}

// allowed returns an error for an address that is not asked. Https is not: its
// certificate would have to be checked in turn (RFC 5280 section 8).
func allowed(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("not asked: the address cannot be parsed")
	case u.Scheme != "http":
		return fmt.Errorf("not asked: the address is of scheme %q, not http", u.Scheme)
	case u.Hostname() == "":
		return errors.New("not asked: the address names no host")
	case u.User != nil:
		return errors.New("not asked: the address has a user name in it")
	}
	return nil
}

var own = &http.Client{Transport: &http.Transport{
	Proxy:                  nil,
	DialContext:            (&net.Dialer{Timeout: defaultTimeout}).DialContext,
	DisableKeepAlives:      true,
	DisableCompression:     true,
	MaxResponseHeaderBytes: 1 << 16,
}}

func (f Fetcher) client() *http.Client {
	c := *cmp.Or(f.Client, own)
	c.Jar = nil
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		r.Header.Del("Referer")
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		return allowed(r.URL.String())
	}
	return &c
}

func (f Fetcher) get(ctx context.Context, client *http.Client, w want, left *allowance) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(f.Timeout, defaultTimeout))
	defer cancel()
	method, mime := http.MethodGet, "application/pkix-crl"
	if w.Kind == trust.KindOCSP {
		method, mime = http.MethodPost, "application/ocsp-response"
	}
	r, err := http.NewRequestWithContext(ctx, method, w.URL, bytes.NewReader(w.request))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", mime)
	r.Header.Set("User-Agent", "byocheck")
	if w.Kind == trust.KindOCSP {
		r.Header.Set("Content-Type", "application/ocsp-request") // RFC 6960 appendix A.1
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is HTTP %d", answer.StatusCode)
	}
	body, err := io.ReadAll(bounded{answer.Body, left})
	if err == nil && len(body) == 0 {
		err = errors.New("the answer is empty")
	}
	return slices.Clip(body), err
}

// allowance is how many octets may still be read.
type allowance struct{ atomic.Int64 }

type bounded struct {
	from io.Reader
	left *allowance
}

var errTooMuch = errors.New("the answers hold more octets than are read")

func (b bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left.Add(int64(-n)) < 0 {
		return 0, errTooMuch
	}
	return n, err
}

// reason is an error without the request that a url.Error repeats.
func reason(err error) string {
	var request *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &request):
		return request.Err.Error()
	}
	return err.Error()
}
