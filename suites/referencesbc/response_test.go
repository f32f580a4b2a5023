package referencesbc

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// signed signs with the key of a CA: RSA and SHA-256.
func signed(t testing.TB, by *issuer, content []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(content)
	out, err := by.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	must(t, err)
	return out
}

// reply says what is special about an OCSP response; the zero value says
// that the certificate is good.
type reply struct {
	status     int
	this, next time.Duration // from now; an hour ago and in an hour where 0
	noNext     bool
	delegate   *issuer // signs in the issuer's place and is in the response
	extension  []pkix.Extension
}

func (r reply) about(t testing.TB, cert *x509.Certificate, by *issuer) []byte {
	t.Helper()
	if r.this == 0 {
		r.this = -time.Hour
	}
	if r.next == 0 {
		r.next = time.Hour
	}
	template := ocsp.Response{Status: r.status, SerialNumber: cert.SerialNumber, ThisUpdate: time.Now().Add(r.this), NextUpdate: time.Now().Add(r.next),
		RevokedAt: time.Now().Add(-time.Minute), RevocationReason: ocsp.KeyCompromise, ExtraExtensions: r.extension}
	if r.noNext {
		template.NextUpdate = time.Time{}
	}
	responder := by
	if r.delegate != nil {
		responder, template.Certificate = r.delegate, r.delegate.cert
	}
	der, err := ocsp.CreateResponse(by.cert, responder.cert, template, responder.key)
	must(t, err)
	return der
}

// delegate is a responder of an issuer, if it is for that use.
func delegate(t testing.TB, by *issuer, days int, use x509.ExtKeyUsage) *issuer {
	c := shown{days: days, usage: []x509.ExtKeyUsage{use}, key: otherKey}.of(t, by)
	return &issuer{c.Leaf, c.PrivateKey.(crypto.Signer), by}
}

func TestReadResponse(t *testing.T) {
	ca := cas(t)["intermediate"]
	leaf, neighbor := shown{dns: names}.chain(t).Leaf, shown{dns: names}.chain(t).Leaf
	late := &issuer{cert: ca.cert, key: otherKey(t)}
	const signer, server = x509.ExtKeyUsageOCSPSigning, x509.ExtKeyUsageServerAuth
	for _, tt := range []struct {
		name           string
		r              reply
		cert           *x509.Certificate
		by             *issuer
		taken, revoked bool
	}{
		{"good", reply{}, leaf, ca, true, false},
		{"revoked", reply{status: ocsp.Revoked}, leaf, ca, true, true},
		{"unknown", reply{status: ocsp.Unknown}, leaf, ca, false, false},
		{"about another certificate", reply{}, neighbor, ca, false, false},
		{"with another key", reply{}, leaf, late, false, false},
		{"of another issuer", reply{}, leaf, cas(t)["curve"], false, false},
		{"stale", reply{next: -time.Second}, leaf, ca, false, false},
		{"of the future", reply{this: time.Minute}, leaf, ca, false, false},
		{"without nextUpdate", reply{noNext: true, status: ocsp.Revoked}, leaf, ca, true, true},
		{"of a delegate", reply{status: ocsp.Revoked, delegate: delegate(t, ca, 1, signer)}, leaf, ca, true, true},
		{"of a host", reply{delegate: delegate(t, ca, 1, server)}, leaf, ca, false, false},
		{"of an expired delegate", reply{delegate: delegate(t, ca, -1, signer)}, leaf, ca, false, false},
		{"of another's delegate", reply{delegate: delegate(t, cas(t)["rotated"], 1, signer)}, leaf, ca, false, false},
		{"with the issuer in it", reply{delegate: ca}, leaf, ca, true, false},
		{"with an extension that is not known", reply{extension: []pkix.Extension{{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}}, leaf, ca, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := readResponse(tt.r.about(t, tt.cert, tt.by), leaf, ca.cert, time.Now())
			if (err == nil) != tt.taken {
				t.Errorf("error %v", err)
			}
			if _, revoked := r.revoked[leaf.SerialNumber.String()]; revoked != tt.revoked {
				t.Errorf("it says %v", r.revoked)
			}
			if tt.taken && r.until.IsZero() != tt.r.noNext {
				t.Errorf("it is good until %v", r.until)
			}
		})
	}
	for name, der := range map[string][]byte{"nothing": nil, "garbage": []byte("<html>"), "unauthorized": ocsp.UnauthorizedErrorResponse, "try later": ocsp.TryLaterErrorResponse} {
		if _, err := readResponse(der, leaf, ca.cert, time.Now()); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzReadResponse(f *testing.F) {
	ca := quickCA(f)
	leaf := shown{dns: names, key: curveKey}.of(f, ca).Leaf
	c := shown{usage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}, key: curveKey}.of(f, ca)
	f.Add(reply{}.about(f, leaf, ca))
	f.Add(reply{status: ocsp.Revoked, delegate: &issuer{c.Leaf, c.PrivateKey.(crypto.Signer), ca}}.about(f, leaf, ca))
	f.Add(ocsp.UnauthorizedErrorResponse)
	f.Fuzz(func(t *testing.T, der []byte) {
		if _, err := readResponse(der, leaf, ca.cert, time.Now()); err == nil && len(der) == 0 {
			t.Error("nothing is a response")
		}
	})
}
