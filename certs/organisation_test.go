package certs

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestOrganisation holds the private CA of an organisation, which has no model
// that was measured, to what was decided: plain, and apart from the cloud.
func TestOrganisation(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	if slices.Contains(Hierarchies(), Organisation) || len(Hierarchies()) != 3 {
		t.Errorf("the hierarchies of the cloud are %v", Hierarchies())
	}
	root := lab.OrganisationRoot()
	if slices.ContainsFunc(lab.CloudRoots(), root.Equal) {
		t.Error("it is one of the cloud's roots")
	}
	a := authorityUnder(t, lab, Organisation)
	edge := Names{CN: "edge01.customer.test", DNS: []string{"edge01.customer.test"}}
	chain, err := a.Chain(Healthy, edge)
	if err != nil {
		t.Fatal(err)
	}
	sent := parsed(t, chain)
	if err := verify(sent, edge.CN, testStart, root); err != nil {
		t.Errorf("a device with the organisation's root refuses: %v", err)
	}
	if err := verify(sent, edge.CN, testStart, lab.CloudRoots()...); err == nil {
		t.Error("a device with the cloud's roots accepts")
	}
	const of = ",O=byocheck SIMULATED Organisation,C=US"
	caUsage := x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	server, client := x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	form{
		"CN=SIMULATED Organisation Root CA" + of, rsa2048, x509.SHA256WithRSA, true, -1, caUsage, nil, nil,
		testStart.Add(-48 * time.Hour), testStart.Add(20 * year), map[string]bool{extBC: true, extKU: true, extSKI: false},
	}.check(t, root, nil)
	form{
		"CN=SIMULATED Organisation Edge CA" + of, rsa2048, x509.SHA256WithRSA, true, 0, caUsage, []x509.ExtKeyUsage{server, client}, []string{"2.5.29.32.0"},
		testStart.Add(-24 * time.Hour), testStart.Add(5 * year),
		map[string]bool{extBC: true, extKU: true, extSKI: false, extAKI: false, extEKU: false, extPolicies: false},
	}.check(t, sent[1], root)
	form{
		"CN=edge01.customer.test,O=byocheck SIMULATED Edge,L=Indianapolis,ST=Indiana,C=US", rsa2048, x509.SHA256WithRSA, false, -1,
		x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, []x509.ExtKeyUsage{server}, nil,
		testStart.Add(-time.Hour), testStart.Add(180 * 24 * time.Hour),
		map[string]bool{extBC: true, extKU: true, extSKI: false, extAKI: false, extEKU: false, extSAN: false},
	}.check(t, sent[0], sent[1])
}

// One file, as the admin page gives it, and none of the cloud's roots.
func TestExportOrganisation(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	for _, format := range []Format{PEM, DER} {
		out := filepath.Join(t.TempDir(), "export")
		files, err := lab.ExportOrganisation(out, format)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range files {
			names = append(names, filepath.Base(f.Path))
		}
		if want := []string{"organisation-root." + string(format), "device-ca-root." + string(format)}; !slices.Equal(names, want) {
			t.Errorf("files %v, want %v", names, want)
		}
		data, err := os.ReadFile(files[0].Path)
		if err != nil {
			t.Fatal(err)
		}
		read := parseCertificates
		if format == DER {
			read = x509.ParseCertificates
		}
		if certs, err := read(data); err != nil || len(certs) != 1 || !certs[0].Equal(lab.OrganisationRoot()) {
			t.Errorf("%s: %d certificates, %v", files[0].Path, len(certs), err)
		}
	}
}
