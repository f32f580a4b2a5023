package dns

import (
	"fmt"
	"slices"

	miekg "github.com/miekg/dns"
)

// SRV is one record of a service (RFC 2782): a host that gives it.
type SRV struct {
	// Priority: clients take the lowest that they can reach.
	Priority uint16
	// Weight: among equal priorities, clients choose in proportion to it.
	Weight uint16
	// Port on which the host gives the service; 0 is an error.
	Port uint16
	// Target is the name of the host. The addresses of one that is a host of
	// this server go along with the answer.
	Target string
}

// services are the owners of SRV records and the records, of which there is at
// least one. Names in it are canonical.
type services map[string][]SRV

// newServices reads the records as given, all owners in one of the zones.
func (a *authority) newServices(given map[string][]SRV) (services, error) {
	read := services{}
	for owner, records := range given {
		name, err := canonical(owner)
		if err != nil {
			return nil, fmt.Errorf("reading DNS service: %w", err)
		}
		labels := miekg.SplitDomainName(name)
		switch {
		case len(labels) < 3 || labels[0][0] != '_' || labels[1][0] != '_':
			return nil, fmt.Errorf("reading DNS service: want labels of service and transport before a domain, such as _sips._tcp.example.com: %q", name)
		case a.zoneOf(name) == "":
			return nil, fmt.Errorf("reading DNS service: in none of the zones %v: %q", a.zones, name)
		case read[name] != nil:
			return nil, fmt.Errorf("reading DNS service: given twice, since case makes no difference: %q", name)
		}
		var list []SRV
		for _, record := range records {
			if record.Target, err = canonical(record.Target); err != nil {
				return nil, fmt.Errorf("reading target of DNS service %s: %w", name, err)
			}
			if record.Port == 0 {
				return nil, fmt.Errorf("reading port of DNS service %s: want 1 to 65535 for target %q", name, record.Target)
			}
			if !slices.Contains(list, record) { // RFC 2181 section 5: the records of a set differ
				list = append(list, record)
			}
		}
		if len(list) > 0 {
			read[name] = list
		}
	}
	return read, nil
}

// serve adds the SRV records of a service to the reply, and the addresses of
// their targets beside them, so that a client need not ask again (RFC 2782).
func (a *authority) serve(reply *miekg.Msg, owner string, records []SRV, known hosts) {
	var beside []miekg.RR
	var glued []string
	for _, record := range records {
		reply.Answer = append(reply.Answer, &miekg.SRV{
			Hdr:      miekg.RR_Header{Name: owner, Rrtype: miekg.TypeSRV, Class: miekg.ClassINET, Ttl: a.ttl},
			Priority: record.Priority,
			Weight:   record.Weight,
			Port:     record.Port,
			Target:   record.Target,
		})
		if !slices.Contains(glued, record.Target) {
			glued = append(glued, record.Target)
			beside = append(beside, a.addresses(record.Target, known[record.Target])...)
		}
	}
	reply.Extra = append(beside, reply.Extra...)
}

// shed takes the addresses beside an answer away from a reply that is too long
// with them. They are an extra: without them the answer is still whole, and must
// not be told to be truncated (RFC 2181 section 9).
func shed(reply *miekg.Msg, limit int) {
	reply.Compress = true
	if reply.Len() > limit {
		reply.Extra = slices.DeleteFunc(reply.Extra, func(rr miekg.RR) bool { return rr.Header().Rrtype == miekg.TypeA })
	}
}
