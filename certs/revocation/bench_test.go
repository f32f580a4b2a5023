package revocation

import (
	"context"
	"io"
	"net/http"
	"testing"
)

// fetches measures whole requests over loopback, on connections that are kept.
func fetches(b *testing.B, method, url string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	for b.Loop() {
		r, err := http.NewRequestWithContext(context.Background(), method, url, nil)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := c.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		if resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.StatusCode, err)
		}
		b.SetBytes(n)
	}
}

func BenchmarkFetchCRL(b *testing.B) {
	_, _, _, at := published(b, &Server{}, Good)
	fetches(b, http.MethodGet, at.CRL)
}

func BenchmarkFetchHugeCRL(b *testing.B) {
	_, _, _, at := published(b, &Server{}, Huge)
	fetches(b, http.MethodGet, at.CRL)
}

func BenchmarkFetchOCSP(b *testing.B) {
	for _, k := range []kind{rsa2048, p384} {
		b.Run(string(k), func(b *testing.B) {
			s, _ := start(b, &Server{})
			i := newIssuer(b, "ca", k)
			at := s.Publish(i)
			fetches(b, http.MethodGet, at.OCSP+"/"+path64(b, i, goodSerial))
		})
	}
}

func BenchmarkSignCRL(b *testing.B) {
	for _, st := range []State{Good, Huge} {
		for _, k := range []kind{rsa2048, p384} {
			b.Run(string(st)+" "+string(k), func(b *testing.B) {
				s, _ := start(b, &Server{})
				s.Publish(newIssuer(b, "ca", k))
				i := must(s.find("ca"))
				for b.Loop() {
					der, err := s.signList(i, st, someday)
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(len(der)), "octets")
				}
			})
		}
	}
}
