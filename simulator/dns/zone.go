package dns

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	miekg "github.com/miekg/dns"
)

// negativeTTL is both the TTL and the MINIMUM of every SOA record, in seconds: the
// time a resolver keeps a "no such name" or "no such type" (RFC 2308 section 5).
// It is short because names change while a test runs.
const negativeTTL = 1

// authority holds the zones and answers from them. It knows no sockets. Its names
// are canonical: absolute and in lower case.
type authority struct {
	// These are never changed after newAuthority.
	zones    []string // apexes, the longest first
	services services
	ttl      uint32 // of A and SRV records, in seconds

	mu    sync.Mutex            // held by writers only: readers take one state and keep it
	hosts atomic.Pointer[hosts] // replaced, never changed
}

// hosts are names and their addresses, of which there is at least one.
type hosts map[string][]netip.Addr

func newAuthority(zones []string, given map[string][]netip.Addr, offered map[string][]SRV, ttl uint32) (*authority, error) {
	if len(zones) == 0 {
		return nil, errors.New("reading DNS zones: none given; name at least one zone to answer for")
	}
	a := &authority{ttl: ttl}
	for _, zone := range zones {
		apex, err := canonical(zone)
		if err != nil {
			return nil, fmt.Errorf("reading DNS zone: %w", err)
		}
		a.zones = append(a.zones, apex)
	}
	slices.SortFunc(a.zones, func(x, y string) int { return len(y) - len(x) })
	var err error
	if a.services, err = a.newServices(offered); err != nil {
		return nil, err
	}
	a.hosts.Store(&hosts{})
	for name, addrs := range given {
		if same, err := canonical(name); err == nil && (*a.hosts.Load())[same] != nil {
			return nil, fmt.Errorf("reading DNS host: given twice, since case makes no difference: %q", same)
		}
		if err := a.set(name, addrs); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// set replaces the addresses of one host, or removes it.
func (a *authority) set(host string, addrs []netip.Addr) error {
	name, err := canonical(host)
	if err != nil {
		return fmt.Errorf("reading DNS host: %w", err)
	}
	if a.zoneOf(name) == "" {
		return fmt.Errorf("reading DNS host: in none of the zones %v: %q", a.zones, name)
	}
	var list []netip.Addr
	for _, addr := range addrs {
		addr = addr.Unmap()
		if !addr.Is4() {
			return fmt.Errorf("reading address of DNS host %s: not IPv4, and only A records are served: %q", name, addr)
		}
		if !slices.Contains(list, addr) { // RFC 2181 section 5: the records of a set differ
			list = append(list, addr)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	next := maps.Clone(*a.hosts.Load())
	next[name] = list
	if len(list) == 0 {
		delete(next, name)
	}
	a.hosts.Store(&next)
	return nil
}

// zoneOf returns the apex of the closest zone that holds the name, or "".
func (a *authority) zoneOf(name string) string {
	for _, apex := range a.zones {
		if miekg.IsSubDomain(apex, name) {
			return apex
		}
	}
	return ""
}

// exists reports whether the name, which is in one of the zones, is a host, a
// service or an apex, or has one of them below it: an empty non-terminal (RFC 8020
// section 2).
func (a *authority) exists(name string, h hosts) bool {
	below := func(other string) bool { return miekg.IsSubDomain(name, other) }
	if slices.ContainsFunc(a.zones, below) {
		return true
	}
	for host := range h {
		if below(host) {
			return true
		}
	}
	for service := range a.services {
		if below(service) {
			return true
		}
	}
	return false
}

// canonical returns the name absolute and in lower case. It wants the letters of
// host and service names, so that no name needs the escapes of a zone file.
func canonical(name string) (string, error) {
	_, valid := miekg.IsDomainName(name)
	foreign := strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	})
	if !valid || foreign || name == "" || name == "." {
		return "", fmt.Errorf("want a name such as lb01.example.com: %q", name)
	}
	return miekg.CanonicalName(name), nil
}
