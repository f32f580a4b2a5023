package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml/ast"
)

// Load reads the configuration file at path over [Default]. With an empty path
// it reads [DefaultFile] in the working directory, which may be absent; a file
// that was named must exist. Load checks each value by itself; [Config.Validate]
// checks them together. Errors about the content are of type [*Error].
func Load(path string) (Config, error) {
	file := path
	if file == "" {
		file = DefaultFile
	}
	data, err := read(file)
	if path == "" && errors.Is(err, fs.ErrNotExist) {
		return Default(), nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration %s: %w; check the path given with --config or CONFIG=", file, err)
	}
	return decode(file, data)
}

// read returns at most one byte more than a document may have. The error does
// not repeat the path.
func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err == nil {
		defer f.Close()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(f, maxBytes+1)); err == nil {
			return data, nil
		}
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return nil, err
}

func decode(file string, data []byte) (Config, error) {
	d, err := parseDocument(file, data)
	if err != nil {
		return Config{}, err
	}
	c := Default()
	c.Dir = filepath.Dir(file)
	if d.root == nil {
		return c, nil
	}
	if err := d.group(&c, "", d.root); err != nil {
		return Config{}, err
	}
	if c.KnownFailures != "" && !filepath.IsAbs(c.KnownFailures) {
		c.KnownFailures = filepath.Join(c.Dir, c.KnownFailures)
	}
	return c, nil
}

// Set gives key, such as "target" or "carrier.device", the value that a flag
// carries; from is the name of the flag as the user knows it, such as
// "--target". Only keys with a single value can be set. A value that cannot be
// read leaves c as it was and returns an [*Error].
func (c *Config) Set(key, value, from string) error {
	o := Origin{Flag: from}
	take, ok := scalars[key]
	if !ok {
		return &Error{Origin: o, Key: key, Err: fmt.Errorf("%q cannot be set by a flag; write it in %s", key, DefaultFile)}
	}
	if err := take(c, value); err != nil {
		return &Error{Origin: o, Key: key, Err: err}
	}
	c.remember(key, o)
	return nil
}

func (d *document) group(c *Config, path string, n ast.Node) error {
	entries, err := d.entries(path, n, groups[path])
	if err != nil {
		return err
	}
	for _, e := range entries {
		key := e.key
		if path != "" {
			key = path + "." + key
		}
		if err := d.value(c, key, e); err != nil {
			return err
		}
		c.remember(key, d.at(e.value))
	}
	return nil
}

func (d *document) value(c *Config, key string, e entry) error {
	if take, ok := scalars[key]; ok {
		text, err := d.text(key, e.value)
		if err != nil {
			return err
		}
		if err := take(c, text); err != nil {
			return d.errorf(e.value, key, "%w", err)
		}
		return nil
	}
	if take, ok := lists[key]; ok {
		return d.list(c, key, e.value, take)
	}
	switch key {
	case "trigger":
		return d.trigger(c, e.value)
	case "declared":
		return d.declared(c, e.value)
	case "edge":
		c.Edge.Played = true
	case "carrier":
		if !isMapping(e.value) {
			return d.noCarrier(c, e.value)
		}
	}
	return d.group(c, key, e.value)
}

func (d *document) list(c *Config, key string, n ast.Node, take func(*Config, []string) (int, error)) error {
	items, err := d.items(key, n)
	if err != nil {
		return err
	}
	texts := make([]string, 0, len(items))
	for i, item := range items {
		name := entryKey(key, i)
		text, err := d.text(name, item)
		if err != nil {
			return err
		}
		texts = append(texts, text)
		c.remember(name, d.at(item))
	}
	if i, err := take(c, texts); err != nil {
		return d.errorf(items[i], entryKey(key, i), "%w", err)
	}
	return nil
}

func (d *document) noCarrier(c *Config, n ast.Node) error {
	if text, err := d.text("carrier", n); err != nil || text != "none" {
		return d.errorf(n, "carrier", "neither a carrier nor its absence; write none, or lines such as listen: 127.0.2.1:5060 below carrier:")
	}
	c.Carrier = Carrier{None: true}
	return nil
}

func (d *document) declared(c *Config, n ast.Node) error {
	entries, err := d.entries("declared", n, nil)
	if err != nil {
		return err
	}
	c.Declared = make(map[string]string, len(entries))
	for _, e := range entries {
		key := "declared." + e.key
		text, err := d.text(key, e.value)
		if err == nil {
			text, err = parseText(text)
		}
		if err != nil {
			return d.errorf(e.value, key, "no reason; write why the device does not have it, such as \"no media on this trunk\"")
		}
		c.Declared[e.key] = text
		// The name is what a caller may find wrong.
		c.remember(key, d.at(e.name))
	}
	return nil
}
