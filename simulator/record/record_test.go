package record

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// ticking returns a clock that moves a millisecond at each reading.
func ticking() func() time.Time {
	var mu sync.Mutex
	t := start
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		t = t.Add(time.Millisecond)
		return t
	}
}

// bodies is one body of each kind with every field set, so that a field that
// does not survive the encoding is seen.
func bodies(t *testing.T) []Body {
	var out []Body
	for kind, read := range readers {
		zero, err := read([]byte("{}"))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		v := reflect.New(reflect.TypeOf(zero)).Elem()
		fill(t, v)
		out = append(out, v.Interface().(Body))
	}
	return out
}

func fill(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		v.SetUint(7)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("no filling for %s", v.Type())
	}
}

func TestEveryKindSurvivesEncoding(t *testing.T) {
	for _, body := range bodies(t) {
		t.Run(body.Kind(), func(t *testing.T) {
			r := Recorder{Now: ticking()}
			w := r.Open("control")
			w.Under("healthy", 3)
			r.Emit(Origin{3, 9, "lb02"}, body)
			a := w.Close()
			var buf bytes.Buffer
			if err := a.WriteJSON(&buf); err != nil {
				t.Fatal(err)
			}
			got, err := ReadAttempt(bufio.NewReader(&buf))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, a) {
				t.Errorf("read back\n%+v\nwrote\n%+v", got, a)
			}
		})
	}
}

func TestTextKeepsWhatIsNotUTF8(t *testing.T) {
	for _, in := range []string{"INVITE sip:a SIP/2.0\r\n", "\x16\x03\x01\xff", ""} {
		b, err := Text(in).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var got Text
		if err := got.UnmarshalJSON(b); err != nil {
			t.Fatal(err)
		}
		if string(got) != in {
			t.Errorf("%q came back as %q", in, got)
		}
	}
}

func TestUnknownKindIsKept(t *testing.T) {
	const line = `{"v":1,"seq":4,"mono_ns":5,"wall":"2026-11-22T10:00:00Z","kind":"later.thing","body":{"a":[1,2]}}`
	var e Event
	if err := e.UnmarshalJSON([]byte(line)); err != nil {
		t.Fatal(err)
	}
	b, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != line {
		t.Errorf("read\n%s\nwrote\n%s", line, b)
	}
}

func TestReadAttemptRefuses(t *testing.T) {
	event := `{"v":1,"seq":4,"mono_ns":5,"wall":"2026-11-22T10:00:00Z","kind":"call","body":{}}` + "\n"
	for name, tt := range map[string]struct{ in, want string }{
		"a newer schema":    {`{"v":99,"name":"control","events":0}` + "\n", "schema version 99"},
		"a newer event":     {`{"v":1,"name":"control","events":1}` + "\n" + strings.Replace(event, `"v":1`, `"v":2`, 1), "schema version 2"},
		"no schema version": {`{"name":"control","events":0}` + "\n", "schema version 0"},
		"a missing event":   {`{"v":1,"name":"control","events":2}` + "\n" + event, "event 2 of 2"},
		"a cut line":        {`{"v":1,"name":"control","events":1}` + "\n" + event[:30], "event 1 of 1"},
		"a body of another": {`{"v":1,"name":"control","events":1}` + "\n" + strings.Replace(event, "{}", `{"call":"x"}`, 1), "event 4 call"},
		"what is no JSON":   {"control\n", "decoding attempt"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadAttempt(bufio.NewReader(strings.NewReader(tt.in)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, err := ReadAttempt(bufio.NewReader(strings.NewReader(""))); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: got %v, want EOF", err)
	}
}

func TestWindowHoldsItsOwnEventsOnly(t *testing.T) {
	r := Recorder{Now: ticking()}
	r.Emit(Origin{}, Call{State: "before"})
	w := r.Open("control")
	r.Emit(Origin{}, Call{State: "inside"})
	a := w.Close()
	r.Emit(Origin{}, Call{State: "after"})
	if len(a.Events) != 1 || a.Events[0].Body.(Call).State != "inside" {
		t.Errorf("got %+v", a.Events)
	}
	if a.Ended <= a.Started {
		t.Errorf("window from %v to %v", a.Started, a.Ended)
	}
}

func TestFloodIsCountedNotKept(t *testing.T) {
	r := Recorder{Limit: 10}
	w := r.Open("fault")
	for range 1000 {
		r.Emit(Origin{}, SIPGarbage{})
	}
	a := w.Close()
	if len(a.Events) != 11 {
		t.Fatalf("kept %d events, want 10 and the count", len(a.Events))
	}
	if got := a.Events[10].Body; got != (Truncated{990}) {
		t.Errorf("last event is %+v, want 990 dropped", got)
	}
	r.Forget(r.Mark())
	r.Emit(Origin{}, Call{})
	if got := r.Since(0); len(got) != 1 {
		t.Errorf("after Forget: %d events, want 1", len(got))
	}
}

func TestWaitSeesPastAndFuture(t *testing.T) {
	var r Recorder
	is := func(state string) func(Event) bool {
		return func(e Event) bool { c, ok := e.Body.(Call); return ok && c.State == state }
	}
	r.Emit(Origin{}, Call{State: "invited"})
	if _, err := r.Wait(t.Context(), 0, is("invited")); err != nil {
		t.Fatal(err)
	}
	done := make(chan Event)
	go func() {
		e, err := r.Wait(t.Context(), 1, is("answered"))
		if err != nil {
			t.Error(err)
		}
		done <- e
	}()
	r.Emit(Origin{}, Call{State: "progress"})
	r.Emit(Origin{}, Call{State: "answered"})
	if e := <-done; e.Seq != 3 {
		t.Errorf("got event %d, want 3", e.Seq)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	if _, err := r.Wait(ctx, 0, is("never")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want the context's cause", err)
	}
}

func FuzzReadAttempt(f *testing.F) {
	f.Add([]byte(`{"v":1,"name":"control","events":1}` + "\n" + `{"v":1,"seq":4,"kind":"sip.message","body":{"raw":{"base64":"AA=="}}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ReadAttempt(bufio.NewReader(bytes.NewReader(b)))
		if err == nil {
			if err := a.WriteJSON(io.Discard); err != nil {
				t.Errorf("read, but cannot be written: %v", err)
			}
		}
	})
}
