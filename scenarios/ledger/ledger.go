// Package ledger lists what is asked of a BYOC Cloud trunk over TLS and SRTP,
// clause by clause, and where the documents that ask it contradict themselves.
//
// The clauses are those of Genesys's public article "TLS trunk transport
// protocol specification", in two editions, and the few clauses of RFCs that it
// rests on. They are data, in clauses/*.yaml, in our own words: whoever doubts
// a verdict can look up the clause it cites and say that we read it wrongly.
//
// An id is for ever. byoc-031-name-validation is clause 31 of the article;
// byoc-k07-common-name-column is the seventh contradiction or slip in it, with
// the reading that we took; rfc5922-7.2-comparing-identities is from an RFC.
//
// Levels follow the words. "Must", "only", "fails", "not supported", "not
// acceptable" and a limit that ends the connection are a must; "should", a
// recommendation, best practice and instructions are a should; an option said
// to possibly work is a may; description is info. Where the words and the
// sense differ, the note says so.
//
// What tests a clause is not written here: it is found by asking the scenarios
// which clauses they cite.
package ledger

import (
	"fmt"
	"slices"
	"sync"
)

// Title is the title of the article that the byoc clauses come from, and URL is
// where Genesys publishes it; only the newest edition stands there.
const (
	Title = "TLS trunk transport protocol specification"
	URL   = "https://help.mypurecloud.com/articles/tls-trunk-transport-protocol-specification/"
)

// Edition is one of the public editions of the article. It has no edition
// numbers of its own.
type Edition string

// The two editions.
const (
	Older Edition = "older"
	Newer Edition = "newer"
)

// About tells in a sentence how to recognise the edition. It is empty for any
// other than Older and Newer.
func (e Edition) About() string {
	switch e {
	case Older:
		return "The English edition from before 2025, with five cipher suites and one DigiCert root for all regions."
	case Newer:
		return "The edition with the notice of 24 March 2025 on cipher suites, roots by region and the handshake limit of 500 ms; " +
			"read in a copy that is partly a machine translation into German, so some of its slips may be the translation's."
	}
	return ""
}

// Kind tells what is asked from what is merely doubtful.
type Kind string

// The kinds of clause.
const (
	Requirement   Kind = "requirement"
	Contradiction Kind = "contradiction"
)

// Party is one side of the trunk in one role. Inbound calls make the device the
// TLS client, outbound calls make Genesys the TLS client.
type Party string

// The parties that a clause can oblige.
const (
	DeviceAsClient  Party = "device-as-client"
	DeviceAsServer  Party = "device-as-server"
	GenesysAsClient Party = "genesys-as-client"
	GenesysAsServer Party = "genesys-as-server"
)

// Level is the weight of a clause.
type Level string

// The levels, heaviest first. A contradiction is always Info: what it leaves
// in doubt weighs as much as the clauses it disputes.
const (
	LevelMust   Level = "must"
	LevelShould Level = "should"
	LevelMay    Level = "may"
	LevelInfo   Level = "info"
)

// Clause is one sentence, or a few that belong together, of the article or of
// an RFC.
type Clause struct {
	// ID is unique and never changes or moves to another clause.
	ID string `yaml:"id"`
	// Kind and Number are read from the ID. Number counts requirements and
	// contradictions apart, each from 1; it is 0 for a clause of an RFC.
	Kind   Kind `yaml:"-"`
	Number int  `yaml:"-"`
	// Editions are those in which the clause stands, older first; empty for a
	// clause of an RFC.
	Editions []Edition `yaml:"editions"`
	// Section is the heading in the article under which the clause stands, or
	// the section of the RFC with its number.
	Section string `yaml:"section"`
	// Text says what is asked, in our words.
	Text string `yaml:"text"`
	// Obliges are the parties that can break the clause. It is empty only where
	// Excluded is set.
	Obliges []Party `yaml:"obliges"`
	Level   Level   `yaml:"level"`
	// Excluded says why nobody can test the clause from outside; empty where
	// one can.
	Excluded string `yaml:"excluded"`
	// Contradicts are, for a contradiction, the clauses that it leaves in doubt.
	Contradicts []string `yaml:"contradicts"`
	// Related are other clauses to read with this one.
	Related []string `yaml:"related"`
	// Note is the reading we took and what other sources say.
	Note string `yaml:"note"`
}

// Source names the document and the place in it, for a report: the RFC and its
// section, or the article, its editions and the heading.
func (c Clause) Source() string {
	if len(c.Editions) == 0 {
		return "RFC " + c.ID[len("rfc"):len("rfc")+4] + ", section " + c.Section
	}
	editions := string(c.Editions[0]) + " edition"
	if len(c.Editions) > 1 {
		editions = "both editions"
	}
	return fmt.Sprintf("Genesys, %s, %s, %s", Title, editions, c.Section)
}

// clauses holds the ledger sorted by id. Embedded data that do not read are a
// mistake in this package, which its tests catch.
var clauses = sync.OnceValue(func() []Clause {
	cs, err := read(files)
	if err != nil {
		panic(err)
	}
	return cs
})

// All returns every clause, sorted by id: requirements, contradictions, RFCs.
// The slice is the caller's own, what its clauses point to is not.
func All() []Clause { return slices.Clone(clauses()) }

// Lookup returns the clause with the id, and false when there is none.
func Lookup(id string) (Clause, bool) {
	for _, c := range clauses() {
		if c.ID == id {
			return c, true
		}
	}
	return Clause{}, false
}

// Must is Lookup for package-level data, where a wrong id is a mistake of the
// programmer: it panics.
func Must(id string) Clause {
	c, ok := Lookup(id)
	if !ok {
		panic(fmt.Sprintf("looking up clause %q: the ledger has none with this id", id))
	}
	return c
}
