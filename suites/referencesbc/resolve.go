package referencesbc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// maxAddresses bounds how many addresses of a name are tried.
const maxAddresses = 8

// resolver asks one DNS server for A records and keeps the answers for their
// time to live (RFC 1035 3.2.1). Failures are not kept.
type resolver struct {
	server  netip.AddrPort
	timeout time.Duration
	now     func() time.Time

	mu    sync.Mutex
	known map[string]answer // by name as asked: only configured names are
}

type answer struct {
	addrs []netip.Addr
	until time.Time
}

// lookup returns the IPv4 addresses of a name, at least one.
func (r *resolver) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	r.mu.Lock()
	kept, ok := r.known[name]
	r.mu.Unlock()
	if ok && r.now().Before(kept.until) {
		return slices.Clone(kept.addrs), nil
	}
	fresh, err := r.ask(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("resolving %s: %w", name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]answer{}
	}
	r.known[name] = fresh
	return slices.Clone(fresh.addrs), nil
}

func (r *resolver) ask(ctx context.Context, name string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA)
	client := dns.Client{Net: "udp", Timeout: r.timeout}
	m, _, err := client.ExchangeContext(ctx, q, r.server.String())
	if err != nil {
		return answer{}, fmt.Errorf("asking the DNS server %s: %w", r.server, err)
	}
	return read(m, q.Question[0], r.now())
}

// read takes the addresses out of a response. They live as long as the one
// with the shortest time.
func read(m *dns.Msg, q dns.Question, now time.Time) (answer, error) {
	switch {
	case len(m.Question) != 1 || !strings.EqualFold(m.Question[0].Name, q.Name) || m.Question[0].Qtype != q.Qtype:
		return answer{}, errors.New("the DNS response is not to our question")
	case m.Rcode != dns.RcodeSuccess:
		return answer{}, fmt.Errorf("the DNS server says %s", dns.RcodeToString[m.Rcode])
	case m.Truncated:
		return answer{}, errors.New("the DNS response does not fit into a datagram")
	}
	var out answer
	for _, rr := range m.Answer {
		a, is := rr.(*dns.A)
		if !is || !strings.EqualFold(a.Hdr.Name, q.Name) || len(out.addrs) >= maxAddresses {
			continue
		}
		addr, ok := netip.AddrFromSlice(a.A)
		if !ok {
			continue
		}
		until := now.Add(time.Duration(a.Hdr.Ttl) * time.Second)
		if len(out.addrs) == 0 || until.Before(out.until) {
			out.until = until
		}
		out.addrs = append(out.addrs, addr.Unmap())
	}
	if len(out.addrs) == 0 {
		return answer{}, errors.New("the name has no A record")
	}
	return out, nil
}
