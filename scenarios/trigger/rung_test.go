package trigger

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"byocheck/simulator/record"
)

func TestRungs(t *testing.T) {
	for _, c := range []struct {
		rung         Rung
		name, detail string
	}{
		{Patience{}, "options", "OPTIONS"},
		{Command{Line: "call 5550100"}, "command", "call 5550100"},
		{HTTP{Method: "POST", URL: "http://192.0.2.1/call"}, "http", "POST http://192.0.2.1/call"},
		{Prompt{Ask: "Lift the receiver."}, "prompt", "Lift the receiver."},
	} {
		if c.rung.Name() != c.name {
			t.Errorf("%T: name %q, want %q", c.rung, c.rung.Name(), c.name)
		}
		if !strings.Contains(c.rung.Detail(), c.detail) {
			t.Errorf("%T: detail %q does not say %q", c.rung, c.rung.Detail(), c.detail)
		}
	}
}

func TestPatienceAndPrompt(t *testing.T) {
	var out strings.Builder
	for _, r := range []Rung{Patience{}, Prompt{Out: &out, Ask: "Place a call."}} {
		if err := r.Pull(bounded(t)); err != nil {
			t.Errorf("%T: %v", r, err)
		}
	}
	if !strings.Contains(out.String(), "Place a call.") {
		t.Errorf("the person reads %q", out.String())
	}
}

func TestCommandPull(t *testing.T) {
	dir := t.TempDir()
	if err := (Command{Line: "echo called >done", Dir: dir}).Pull(bounded(t)); err != nil {
		t.Error(err)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "done")); len(found) != 1 {
		t.Error("the command did not run in its folder")
	}
	if err := (Command{Line: "exit 7"}).Pull(bounded(t)); err == nil || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("error %v, want exit status 7", err)
	}
}

func TestHTTPPull(t *testing.T) {
	var method, path, body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		method, path, body = r.Method, r.URL.Path, string(b)
		code := map[string]int{"/ok": 200, "/none": 204, "/bad": 400, "/login": 401, "/broken": 503}[r.URL.Path]
		w.WriteHeader(code)
	}))
	defer s.Close()
	for _, c := range []struct {
		path, err string
	}{
		{"/ok", ""}, {"/none", ""}, {"/bad", "400 Bad Request"}, {"/login", "401"}, {"/broken", "503"},
	} {
		err := HTTP{Method: "PUT", URL: s.URL + c.path, Body: `{"call":1}`}.Pull(bounded(t))
		switch {
		case c.err == "" && err != nil:
			t.Errorf("%s: %v", c.path, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), c.path)):
			t.Errorf("%s: error %v, want one that says %s and what was asked", c.path, err, c.err)
		}
		if method != "PUT" || path != c.path || body != `{"call":1}` {
			t.Errorf("%s: the device got %s %s %q", c.path, method, path, body)
		}
	}
}

func TestHTTPPullFails(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, c := range []struct {
		name string
		rung HTTP
	}{
		{"nobody listens", HTTP{Method: "GET", URL: gone.URL}},
		{"no URL", HTTP{Method: "GET", URL: "http://%zz"}},
		{"no method", HTTP{Method: "GE T", URL: gone.URL}},
	} {
		if err := c.rung.Pull(bounded(t)); err == nil || !strings.HasPrefix(err.Error(), "triggering by HTTP: ") {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

func TestHTTPPullEndsWithTheContext(t *testing.T) {
	asked, leave := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-leave
	}))
	defer s.Close()
	defer close(leave)
	ctx, cancel := context.WithCancel(bounded(t))
	go func() {
		<-asked
		cancel()
	}()
	if err := (HTTP{Method: "GET", URL: s.URL}).Pull(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestActed(t *testing.T) {
	sip := func(d record.Direction) record.SIPMessage { return record.SIPMessage{Dir: d, Method: "OPTIONS"} }
	for _, c := range []struct {
		name       string
		generation int
		proxy      string
		body       record.Body
		want       bool
	}{
		{"SIP of the device", 3, "lb02", sip(record.In), true},
		{"SIP of ours", 3, "lb02", sip(record.Out), false},
		{"SIP of the device at the carrier", 3, "carrier", sip(record.In), false},
		{"SIP that stands on an older face", 2, "lb02", sip(record.In), false},
		{"SIP of no profile", 0, "", sip(record.In), false},
		{"something else than SIP", 3, "lb01", record.SIPGarbage{}, true},
		{"a handshake that the device ended", 3, "lb04", record.HandshakeFailed{By: record.Device}, true},
		{"a handshake that we ended", 3, "lb04", record.HandshakeFailed{By: record.Us}, true},
		{"a handshake under an older face", 2, "lb04", record.HandshakeFailed{By: record.Device}, false},
		{"a handshake that is done", 3, "lb01", record.HandshakeDone{}, false},
		{"a connection only", 3, "lb01", record.Accepted{}, false},
		{"a connection that the device ended", 3, "lb01", record.Closed{By: record.Device, How: "fin"}, true},
		{"a foreign connection, which we closed", 3, "lb01", record.Closed{By: record.Us, How: "close"}, false},
		{"a DNS query", 3, "", record.DNSQuery{}, false},
	} {
		e := record.Event{Generation: c.generation, Proxy: c.proxy, Body: c.body}
		if got := Acted(3)(e); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
