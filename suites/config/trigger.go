package config

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// RungKind is a way to make the device call the cloud.
type RungKind string

// The kinds of [Rung], as the file spells them.
const (
	// CarrierCall calls through the device from the carrier side.
	CarrierCall RungKind = "carrier-call"
	// Options waits for the device's own OPTIONS.
	Options RungKind = "options"
	// Command runs a command line.
	Command RungKind = "command"
	// HTTP sends a request, such as one to the device's management interface.
	HTTP RungKind = "http"
	// Prompt asks the person at the device.
	Prompt RungKind = "prompt"
)

const rungs = "write carrier-call, options, prompt, command: \"...\" or http: {url: ...}"

// Rung is one entry of the trigger ladder.
type Rung struct {
	Kind RungKind
	// Command is the command line of a Command rung, run by `sh -c`.
	Command string
	// Method, URL and Body are the request of an HTTP rung. Method is POST
	// unless the file says otherwise.
	Method, URL, Body string
}

func (d *document) trigger(c *Config, n ast.Node) error {
	items, err := d.items("trigger", n)
	if err != nil {
		return err
	}
	c.Trigger = make([]Rung, 0, len(items))
	for i, item := range items {
		key := entryKey("trigger", i)
		r, err := d.rung(key, item)
		if err != nil {
			return err
		}
		c.Trigger = append(c.Trigger, r)
		c.remember(key, d.at(item))
	}
	return nil
}

func (d *document) rung(key string, n ast.Node) (Rung, error) {
	if isMapping(n) {
		entries, err := d.entries(key, n, []string{string(Command), string(HTTP)})
		if err != nil {
			return Rung{}, err
		}
		if len(entries) != 1 {
			return Rung{}, d.errorf(n, key, "%d keys in one entry; write a \"-\" before each", len(entries))
		}
		if RungKind(entries[0].key) == HTTP {
			return d.request(key+".http", entries[0].value)
		}
		text, err := d.text(key+".command", entries[0].value)
		return Rung{Kind: Command, Command: text}, err
	}
	text, err := d.text(key, n)
	if err != nil {
		return Rung{}, err
	}
	switch kind := RungKind(text); kind {
	case CarrierCall, Options, Prompt:
		return Rung{Kind: kind}, nil
	case Command, HTTP:
		return Rung{}, d.errorf(n, key, "%q alone does not say what to do; %s", text, rungs)
	}
	return Rung{}, d.errorf(n, key, "unknown trigger %.80q; %s", text, rungs)
}

func (d *document) request(key string, n ast.Node) (Rung, error) {
	entries, err := d.entries(key, n, []string{"method", "url", "body"})
	if err != nil {
		return Rung{}, err
	}
	r := Rung{Kind: HTTP, Method: http.MethodPost}
	for _, e := range entries {
		text, err := d.text(key+"."+e.key, e.value)
		if err != nil {
			return Rung{}, err
		}
		switch e.key {
		case "method":
			if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
				return Rung{}, d.errorf(e.value, key+".method", "bad method %.80q; write one such as POST", text)
			}
			r.Method = text
		case "url":
			u, err := url.Parse(text)
			if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				return Rung{}, d.errorf(e.value, key+".url", "bad URL %.80q; write one such as http://127.0.0.20:8080/call", text)
			}
			r.URL = text
		case "body":
			r.Body = text
		}
	}
	if r.URL == "" {
		return Rung{}, d.errorf(n, key, "no url; write http: {url: http://127.0.0.20:8080/call}")
	}
	return r, nil
}
