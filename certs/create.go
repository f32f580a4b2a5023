package certs

import (
	"cmp"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	year = 365 * 24 * time.Hour
	// rootBackdate lets devices whose clock is late trust a new root, and
	// keeps a root older than every intermediate made under it.
	rootBackdate = 48 * time.Hour
	rootLife     = 20 * year
	deviceCALife = 10 * year
)

// create builds the whole state in a sibling and renames it to l.dir, so that
// it is there completely or not at all. A lock beside it makes processes that
// start together agree on one; what a killed one left is begun again.
func (l *Lab) create() error {
	if err := os.MkdirAll(filepath.Dir(l.dir), 0o755); err != nil {
		return fmt.Errorf("%w: %w", errPlace, err)
	}
	lock, partial := l.dir+".byocheck-lock", l.dir+".byocheck-partial"
	unlock, err := flock(lock)
	if err != nil {
		return fmt.Errorf("%w: %w", errPlace, err)
	}
	defer unlock()
	if fresh, err := absentOrEmpty(l.dir); err != nil {
		return err
	} else if !fresh {
		os.Remove(lock) // somebody else was first
		return nil
	}
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	defer os.RemoveAll(partial) // finds nothing once it has been renamed
	if err := l.fill(partial); err != nil {
		return err
	}
	// Not os.Rename: it refuses an existing empty directory.
	err = syscall.Rename(partial, l.dir)
	if errors.Is(err, syscall.EBUSY) {
		return fmt.Errorf("moving the new state into place: name a directory inside this mount point: %w", err)
	} else if err != nil {
		return fmt.Errorf("moving the new state into place: %w", err)
	}
	os.Remove(lock) // harmless: whoever waits for it will find the state complete
	return nil
}

// fill writes a complete new state into dir.
func (l *Lab) fill(dir string) error {
	now := l.now().UTC().Truncate(time.Second)
	for _, sub := range []string{".", "roots", "device-ca", "devices"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	var kinds []keyKind
	for _, s := range shapes {
		kinds = append(kinds, s.root.key)
	}
	keys, err := makeKeys(append(kinds, deviceShape.root.key, deviceShape.intermediate.key))
	if err != nil {
		return err
	}
	if err := l.writeRoots(dir, shapes, keys, now); err != nil {
		return err
	}
	keys = keys[len(shapes):] // of the device CA
	root, err := l.makeCA(deviceShape.root, keys[0], nil, now.Add(-rootBackdate), now.Add(rootLife))
	if err != nil {
		return err
	}
	intermediate, err := l.makeCA(deviceShape.intermediate, keys[1], &root, now.Add(-rootBackdate), now.Add(deviceCALife))
	if err != nil {
		return err
	}
	return cmp.Or(
		writePair(filepath.Join(dir, "device-ca", "root"), root),
		writePair(filepath.Join(dir, "device-ca", "intermediate"), intermediate),
		// Private keys must never reach a repository.
		writeNew(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o600),
		writeInfo(dir, stateInfo{Schema: schema, Created: now}),
	)
}

// writeRoots makes and writes the roots of hierarchies, each with its key.
func (l *Lab) writeRoots(dir string, of []shape, keys []crypto.Signer, now time.Time) error {
	for i, s := range of {
		root, err := l.makeCA(s.root, keys[i], nil, now.Add(-rootBackdate), now.Add(rootLife))
		if err != nil {
			return err
		}
		if err := writePair(filepath.Join(dir, rootBase(s.id)), root); err != nil {
			return err
		}
	}
	return nil
}

func writeInfo(dir string, info stateInfo) error {
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	return writeNew(filepath.Join(dir, stateFile), append(text, '\n'), 0o600)
}

// rootBase is where the root of a hierarchy and its key are, without extension.
func rootBase(h Hierarchy) string { return filepath.Join("roots", string(h)) }

// flock takes the advisory lock (flock(2)) of a file, which it makes if
// needed, waits for it, and returns its release.
func flock(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
