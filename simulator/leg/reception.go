package leg

import (
	"fmt"
	"sync"

	"byocheck/simulator/sipua"
)

// Reception sorts the calls that arrive at a party by the number they were
// dialled with: a B2BUA changes Call-ID, From and source port, so the last
// digits are all that identifies a call. Its zero value works.
type Reception struct {
	// Match is how many last digits identify a call; 0 means 7.
	Match int

	mu       sync.Mutex
	expected map[string]*Expected
}

// Expected is a number that somebody waits for.
type Expected struct {
	// Calls gives every call that arrives for the number.
	Calls chan *sipua.Call
	r     *Reception
	key   string
}

// maxWaiting bounds the calls for one number that nobody has taken yet.
const maxWaiting = 16

// key returns the last digits of a number.
func (r *Reception) key(number string) string {
	match := r.Match
	if match == 0 {
		match = 7
	}
	digits := make([]byte, 0, len(number))
	for _, c := range []byte(number) {
		if c >= '0' && c <= '9' {
			digits = append(digits, c)
		}
	}
	return string(digits[max(0, len(digits)-match):])
}

// Expect makes calls to the number arrive in the returned value until its Close.
func (r *Reception) Expect(number string) (*Expected, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &Expected{Calls: make(chan *sipua.Call, maxWaiting), r: r, key: r.key(number)}
	if r.expected[e.key] != nil {
		return nil, fmt.Errorf("expecting a call to %s: somebody already does", number)
	}
	if r.expected == nil {
		r.expected = map[string]*Expected{}
	}
	r.expected[e.key] = e
	return e, nil
}

// Close stops expecting; calls that nobody took are rejected.
func (e *Expected) Close() {
	e.r.mu.Lock()
	if e.r.expected[e.key] == e { // not somebody else's who expects it since
		delete(e.r.expected, e.key)
	}
	e.r.mu.Unlock()
	for {
		select {
		case c := <-e.Calls:
			c.Reject(404, "Not Found")
		default:
			return
		}
	}
}

// Incoming takes a call from the agent. One that nobody expects gets 404, one
// too many 486.
func (r *Reception) Incoming(c *sipua.Call) {
	r.mu.Lock()
	e := r.expected[r.key(c.Dialled)]
	taken := false
	if e != nil {
		select {
		case e.Calls <- c:
			taken = true
		default:
		}
	}
	r.mu.Unlock()
	switch {
	case e == nil:
		c.Reject(404, "Not Found")
	case !taken:
		c.Reject(486, "Busy Here")
	}
}
