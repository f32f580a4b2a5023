package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// upgrade brings a state of an older layout to this one: it adds the roots that
// came later, and touches no other file but state.json, so that devices go on
// trusting what they were given.
//
// The new files are gathered in .upgrade, which is there completely or not at
// all, and then moved into place, state.json last. A process that was killed
// leaves the older layout: the next one moves the files that are left.
func (l *Lab) upgrade() error {
	unlock, err := flock(filepath.Join(l.dir, ".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	info, err := l.readInfo()
	if err != nil || info.Schema == schema { // somebody else was first
		return err
	}
	added := slices.DeleteFunc(slices.Clone(shapes), func(s shape) bool { return s.since <= info.Schema })
	gathered := filepath.Join(l.dir, ".upgrade")
	if _, err := os.Lstat(gathered); errors.Is(err, fs.ErrNotExist) {
		if err := l.gather(gathered, added, info); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	for _, s := range added {
		for _, ext := range []string{".crt", ".key"} {
			if err := moveNew(gathered, l.dir, rootBase(s.id)+ext); err != nil {
				return err
			}
		}
	}
	err = os.Rename(filepath.Join(gathered, stateFile), filepath.Join(l.dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) { // not by a kill: it comes with the directory
		return fmt.Errorf("%w: remove the directory %s, and try again", err, gathered)
	} else if err != nil {
		return err
	}
	return os.RemoveAll(gathered)
}

// gather makes the added roots and the new state.json in a directory.
func (l *Lab) gather(dir string, added []shape, info stateInfo) error {
	partial := dir + "-partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(partial, "roots"), 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(partial) // finds nothing once it has been renamed
	var kinds []keyKind
	for _, s := range added {
		kinds = append(kinds, s.root.key)
	}
	keys, err := makeKeys(kinds)
	if err != nil {
		return err
	}
	if err := l.writeRoots(partial, added, keys, l.now().UTC().Truncate(time.Second)); err != nil {
		return err
	}
	info.Schema = schema
	if err := writeInfo(partial, info); err != nil {
		return err
	}
	return os.Rename(partial, dir)
}

// moveNew moves a file to where there must be none yet. One that is not there
// any more has been moved before.
func moveNew(from, to, name string) error {
	from, to = filepath.Join(from, name), filepath.Join(to, name)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("adding %s: a file of that name is in the way: move it elsewhere", to)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(from, to)
}
