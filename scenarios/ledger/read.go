package ledger

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml"
)

//go:embed clauses/*.yaml
var files embed.FS

var idForm = regexp.MustCompile(`^(?:byoc-([0-9]{3})|byoc-k([0-9]{2})|rfc[0-9]{4}-[0-9]+(?:\.[0-9]+)*)(?:-[a-z0-9]+)+$`)

// read decodes every clauses/*.yaml of the file system and returns the clauses
// sorted by id. It is strict: an unknown field, a repeated key, a malformed or
// repeated id and a word outside the fixed vocabularies are errors.
func read(fsys fs.FS) ([]Clause, error) {
	names, err := fs.Glob(fsys, "clauses/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing clauses: %w", err)
	}
	var all []Clause
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("reading clauses: %w", err)
		}
		var cs []Clause
		if err := yaml.UnmarshalWithOptions(data, &cs, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("decoding %s: %w", name, err)
		}
		for i := range cs {
			if err := cs[i].complete(); err != nil {
				return nil, fmt.Errorf("decoding %s: clause %q: %w", name, cs[i].ID, err)
			}
		}
		all = append(all, cs...)
	}
	slices.SortFunc(all, func(a, b Clause) int { return cmp.Compare(a.ID, b.ID) })
	for i := 1; i < len(all); i++ {
		if all[i].ID == all[i-1].ID {
			return nil, fmt.Errorf("reading clauses: two have the id %q", all[i].ID)
		}
	}
	return all, nil
}

// complete derives Kind and Number from the id and checks the vocabularies.
func (c *Clause) complete() error {
	m := idForm.FindStringSubmatch(c.ID)
	if m == nil {
		return errors.New("reading id: want byoc-NNN-slug, byoc-kNN-slug or rfcNNNN-section-slug")
	}
	c.Kind = Requirement
	if m[2] != "" {
		c.Kind = Contradiction
	}
	// Atoi fails only on the empty string of an RFC's id; its number is 0.
	c.Number, _ = strconv.Atoi(m[1] + m[2])

	for _, e := range c.Editions {
		if e.About() == "" {
			return fmt.Errorf("reading edition: unknown %q", e)
		}
	}
	for _, p := range c.Obliges {
		switch p {
		case DeviceAsClient, DeviceAsServer, GenesysAsClient, GenesysAsServer:
		default:
			return fmt.Errorf("reading obliged party: unknown %q", p)
		}
	}
	switch c.Level {
	case LevelMust, LevelShould, LevelMay, LevelInfo:
	default:
		return fmt.Errorf("reading level: unknown %q", c.Level)
	}
	return nil
}
