package revocation

import (
	"fmt"
	"math/big"
	"net/url"
	"strings"

	"byocheck/certs"
)

// Publish answers for an issuer from now on, in the state Good, and returns the
// addresses that its certificates are to carry. The paths begin with a token of
// the run. An issuer that was published before is not changed. Another issuer of
// the same name takes the name over for Set, Revoke, CRL and Staple, and gets
// addresses of its own. Before Start, and without certificate or key, the
// addresses are empty.
func (s *Server) Publish(c certs.Issuer) certs.Locations {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil || c.Certificate == nil || c.Key == nil {
		return certs.Locations{}
	}
	base := pathName(c.Name)
	id := base
	for n := 2; s.byID[id] != nil; n++ {
		if i := s.byID[id]; i.Name == c.Name && i.Certificate.Equal(c.Certificate) {
			return i.locations
		}
		id = fmt.Sprintf("%s-%d", base, n)
	}
	at := func(path string) string {
		return (&url.URL{Scheme: "http", Host: s.Advertise, Path: "/" + s.run + "/" + path}).String()
	}
	i := &issuer{
		Issuer: c, id: id, state: Good,
		locations: certs.Locations{CRL: at(id + ".crl"), OCSP: at("ocsp/" + id), Certificate: at(id + ".crt")},
	}
	s.byID[id], s.byName[c.Name] = i, i
	return i.locations
}

// pathName makes a name fit for a path, whatever reads it.
func pathName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, name)
}

func (s *Server) find(name string) (*issuer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.byName[name]; i != nil {
		return i, nil
	}
	return nil, fmt.Errorf("finding the issuer %q: it was not published: publish it first", name)
}

// Set changes the state of an issuer for every request that comes from now on; an
// answer that is under way ends as it began. It fails on an unknown issuer or
// state. To Huge it takes the time of signing the list, about half a second, and
// to WrongSignature that of a new key.
func (s *Server) Set(issuer string, st State) error {
	if err := st.check(); err != nil {
		return err
	}
	i, err := s.find(issuer)
	if err != nil {
		return err
	}
	return s.set(i, st)
}

// Revoke puts a certificate on the issuer's list and makes its status revoked, from
// the next answer on, with a reason code of RFC 5280 section 5.3.1 and as of an hour
// ago. It fails on an unknown issuer, on a serial number that is not positive or
// above 20 octets, and on a reason that a complete list cannot have.
func (s *Server) Revoke(issuer string, serial *big.Int, reason int) error {
	i, err := s.find(issuer)
	if err != nil {
		return err
	}
	const unused, removeFromCRL, last = 7, 8, 10
	switch {
	case serial == nil || serial.Sign() <= 0 || len(serial.Bytes()) > maxSerial:
		return fmt.Errorf("revoking a certificate of %s: serial number %v: want a positive one of at most %d octets", issuer, serial, maxSerial)
	case reason < 0 || reason == unused || reason == removeFromCRL || reason > last:
		return fmt.Errorf("revoking a certificate of %s: reason code %d: use 0 to 6, 9 or 10", issuer, reason)
	}
	return s.revoke(i, serial, reason)
}

// CRL is the list that a device should hold which takes its lists from files: DER,
// the one that is served, or the good one in the states that are about fetching
// and in WrongSignature. Unless the issuer is a root it names the URL it is served
// at, so that it is only good for certificates that carry that URL (RFC 5280
// section 6.3.3 (b)(2)).
func (s *Server) CRL(issuer string) ([]byte, error) {
	i, err := s.find(issuer)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	content := i.state.content()
	if content == WrongSignature {
		content = Good
	}
	return s.list(i, content)
}

// Staple is an OCSP response that a TLS server may staple to a certificate of the
// issuer (RFC 6066 section 8): stale or wrongly signed in these states, else good
// or revoked.
func (s *Server) Staple(issuer string, serial *big.Int) ([]byte, error) {
	i, err := s.find(issuer)
	if err != nil {
		return nil, err
	}
	if serial == nil {
		return nil, fmt.Errorf("stapling for %s: no serial number", issuer)
	}
	return s.status(i, i.current().content(), serial, 0)
}
