package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, v any) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s differs (run with -update if it should)\ngot:\n%s\nwant:\n%s", path, b.Bytes(), want)
	}
}

func TestDefault(t *testing.T) {
	c := Default()
	golden(t, "default.golden.json", c)
	c.Target = Target{Host: "127.0.0.20", Port: 5061}
	if err := c.Validate(); err != nil {
		t.Errorf("default with a target does not validate: %v", err)
	}
}

func TestEveryKey(t *testing.T) {
	c, err := Load("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	golden(t, "full.golden.json", c)
	for _, key := range slices.Concat(slices.Collect(maps.Keys(scalars)), slices.Collect(maps.Keys(lists)), groups[""]) {
		if o, ok := c.origins[key]; !ok || o.Line == 0 {
			t.Errorf("%s is not in testdata/full.yaml, or its place was lost", key)
		}
	}
	if missing := slices.Concat(c.MissingForInbound(), c.MissingForOutbound()); len(missing) != 0 {
		t.Errorf("complete file lacks %q", missing)
	}
}

func TestValidateFillsIn(t *testing.T) {
	c := Default()
	if err := c.Set("target", "127.0.0.20:5071", "--target"); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := c.Connect.String(); got != "127.0.0.20:5071" {
		t.Errorf("connect = %s, want the target", got)
	}
	if !slices.Equal(c.Advertise, c.Listen) {
		t.Errorf("advertise = %v, want listen", c.Advertise)
	}
	if got := c.Carrier.Media.String(); got != "127.0.2.1" {
		t.Errorf("carrier.media = %s, want the address of carrier.listen", got)
	}
	if len(c.Device.Sources) != 1 || c.Device.Sources[0].String() != "127.0.0.20/32" {
		t.Errorf("device.sources = %v, want connect", c.Device.Sources)
	}
}

func TestNameToResolve(t *testing.T) {
	c, err := decode("b.yaml", []byte(`
target: sbc.customer.test
listen: [192.0.2.1:5061, 192.0.2.1:5062, 192.0.2.1:5063, 192.0.2.1:5064]
media: 192.0.2.2
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatalf("a name without connect is for the caller to resolve: %v", err)
	}
	if c.Connect.IsValid() || len(c.Device.Sources) != 0 {
		t.Errorf("connect %v and sources %v made up", c.Connect, c.Device.Sources)
	}
}

func TestSetKeepsCopiesApart(t *testing.T) {
	a := Default()
	if err := a.Set("region", "usw2", "--region"); err != nil {
		t.Fatal(err)
	}
	b := a
	if err := b.Set("state", "x", "--state"); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Origin("state"); ok {
		t.Error("setting a key on a copy marked the original")
	}
	if o, ok := b.Origin("region"); !ok || o.String() != "--region" {
		t.Errorf("origin of region = %q, want --region", o)
	}
	if err := b.Set("state", "", "--state"); err == nil || b.State != "x" {
		t.Errorf("refused value changed state to %q (error %v)", b.State, err)
	}
}

func TestKey(t *testing.T) {
	n := Numbers{Match: 7}
	for number, want := range map[string]string{
		"+13175550100":    "5550100",
		"(317) 555-0100":  "5550100",
		"0013175550100;x": "5550100",
		"100":             "100",
		"":                "",
	} {
		if got := n.Key(number); got != want {
			t.Errorf("Key(%q) = %q, want %q", number, got, want)
		}
	}
}
