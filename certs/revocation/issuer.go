package revocation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"sync"
	"time"

	"byocheck/certs"
)

const (
	backdate = time.Hour          // of thisUpdate, and of a revocation: as the lab's leaves
	validity = 7 * 24 * time.Hour // from now to nextUpdate
	maxAge   = 24 * time.Hour     // of a signed list, before it is signed anew

	// Both dates of what is stale are in the past by far more than clocks differ,
	// and within the life of the lab's intermediates, which begins a day before the run.
	staleThis = -20 * time.Hour
	staleNext = -12 * time.Hour
)

// issuer is a published CA: its state, and what it has revoked.
type issuer struct {
	certs.Issuer
	id        string // in paths
	locations certs.Locations

	mu      sync.Mutex
	state   State
	revoked []x509.RevocationListEntry // in the order of Revoke
	lists   map[State]signedList       // by content; emptied by every change
	number  int64                      // of the newest list
	other   crypto.Signer              // signs in the state WrongSignature; see otherKey
}

type signedList struct {
	der  []byte
	made time.Time
}

// current returns the state of the moment.
func (i *issuer) current() State {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.state
}

func (s *Server) set(i *issuer, st State) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if st == i.state {
		return nil
	}
	i.lists = nil
	if err := s.prepare(i, st); err != nil {
		return err
	}
	i.state = st
	return nil
}

// revoke puts a serial number on the list. One that is there already keeps its
// date and takes the new reason.
func (s *Server) revoke(i *issuer, serial *big.Int, reason int) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lists = nil
	if at := i.find(serial); at >= 0 {
		i.revoked[at].ReasonCode = reason
	} else {
		i.revoked = append(i.revoked, x509.RevocationListEntry{
			SerialNumber:   new(big.Int).Set(serial),
			RevocationTime: s.Now().UTC().Truncate(time.Second).Add(-backdate),
			ReasonCode:     reason,
		})
	}
	return s.prepare(i, i.state)
}

// find returns the place of a serial number among the revoked ones, or -1.
func (i *issuer) find(serial *big.Int) int {
	return slices.IndexFunc(i.revoked, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(serial) == 0 })
}

// prepare makes what takes long, so that the device that asks first waits no
// longer than the others.
func (s *Server) prepare(i *issuer, st State) (err error) {
	switch st {
	case Huge:
		_, err = s.list(i, Huge)
	case WrongSignature:
		_, err = s.otherKey(i)
	}
	return err
}

// signer is the key that signs a content.
func (s *Server) signer(i *issuer, content State) (crypto.Signer, error) {
	if content == WrongSignature {
		return s.otherKey(i)
	}
	return i.Key, nil
}

// otherKey is a key of the same kind as the issuer's.
func (s *Server) otherKey(i *issuer) (crypto.Signer, error) {
	if i.other == nil {
		key, err := keyLike(i.Key.Public(), s.Rand)
		if err != nil {
			return nil, fmt.Errorf("making another key for %s: %w", i.Name, err)
		}
		i.other = key
	}
	return i.other, nil
}

func keyLike(pub crypto.PublicKey, rand io.Reader) (crypto.Signer, error) {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return rsa.GenerateKey(rand, pub.N.BitLen())
	case *ecdsa.PublicKey:
		return ecdsa.GenerateKey(pub.Curve, rand)
	}
	return nil, errors.New("the issuer's key is neither RSA nor ECDSA")
}

// window is from when to when an answer says that it is valid.
func window(content State, now time.Time) (this, next time.Time) {
	now = now.UTC().Truncate(time.Second)
	if content == Stale {
		return now.Add(staleThis), now.Add(staleNext)
	}
	return now.Add(-backdate), now.Add(validity)
}

// earlier keeps a revocation from being dated after the answer that tells of it.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
