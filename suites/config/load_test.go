package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestLoadDefaultFile(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load("")
	if err != nil {
		t.Fatalf("an absent default file is no error: %v", err)
	}
	if c.Region != "use1" || c.Dir != "" {
		t.Errorf("region %q in %q, want the defaults", c.Region, c.Dir)
	}
	if err := os.WriteFile(DefaultFile, []byte("region: usw2\nknown-failures: k.yaml\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err = Load(""); err != nil {
		t.Fatal(err)
	}
	if c.Region != "usw2" || c.Dir != "." || c.KnownFailures != "k.yaml" {
		t.Errorf("default file present but not read: %+v", c)
	}
}

func TestLoadNamedFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.MkdirAll("lab", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"lab/absolute.yaml": []byte("known-failures: " + filepath.Join(dir, "k.yaml")),
		"lab/relative.yaml": []byte("known-failures: ../k.yaml\nstate: st"),
		"lab/long.yaml":     bytes.Repeat([]byte("#"), maxBytes+1),
		"lab/full.yaml":     bytes.Repeat([]byte("#"), maxBytes),
	} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, path, known, state, want string }{
		{"relative to the file", "lab/relative.yaml", "k.yaml", "st", ""},
		{"absolute", "lab/absolute.yaml", filepath.Join(dir, "k.yaml"), ".byocheck", ""},
		{"longest", "lab/full.yaml", "", ".byocheck", ""},
		{"too long", "lab/long.yaml", "", "", "lab/long.yaml: longer than 65536 bytes; name the configuration, not another file"},
		{"absent", "absent.yaml", "", "", "reading configuration absent.yaml: no such file or directory; check the path given with --config or CONFIG="},
		{"absent although default", "byocheck.yaml", "", "", "reading configuration byocheck.yaml: no such file or directory; check the path given with --config or CONFIG="},
		{"folder", "lab", "", "", "reading configuration lab: is a directory; check the path given with --config or CONFIG="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Load(tt.path)
			if text(err) != tt.want {
				t.Errorf("\ngot:  %s\nwant: %s", text(err), tt.want)
			}
			if c.KnownFailures != tt.known || c.State != tt.state {
				t.Errorf("known-failures %q, state %q, want %q, %q", c.KnownFailures, c.State, tt.known, tt.state)
			}
		})
	}
	if _, err := Load("absent.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap fs.ErrNotExist", err)
	}
}
