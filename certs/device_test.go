package certs

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func issue(t *testing.T, lab *Lab, name string, opt DeviceOptions) DeviceCertificate {
	t.Helper()
	d, err := lab.IssueDevice(name, opt)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestIssueDevice(t *testing.T) {
	dir := stateCopy(t)
	lab := openLab(t, dir, at(testStart))
	d := issue(t, lab, "SBC.customer.test", DeviceOptions{})

	fromDisk, err := tls.LoadX509KeyPair(d.ChainFile, d.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(fromDisk.Certificate, d.Certificate.Certificate, slices.Equal) || len(fromDisk.Certificate) != 2 {
		t.Error("chain.pem is not the chain that was returned, or not of two")
	}
	if d.KeyFile != filepath.Join(dir, "devices", "sbc.customer.test", "key.pem") {
		t.Errorf("key is in %s", d.KeyFile)
	}
	if st, err := os.Stat(d.KeyFile); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", st.Mode(), err)
	}
	if text, err := os.ReadFile(d.CertFile); err != nil || string(text) != string(encodeCertificates(d.Certificate.Leaf.Raw)) {
		t.Errorf("cert.pem is not the leaf: %v", err)
	}
	leaf := d.Certificate.Leaf
	if leaf.Subject.CommonName != "SBC.customer.test" || !slices.Equal(leaf.DNSNames, []string{"SBC.customer.test"}) {
		t.Errorf("names: %s, %v", leaf.Subject.CommonName, leaf.DNSNames)
	}
	if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}) {
		t.Errorf("extended key usage: %v", leaf.ExtKeyUsage)
	}
	if got := leaf.NotAfter.Sub(leaf.NotBefore); got != 397*24*time.Hour {
		t.Errorf("valid for %v", got)
	}
	chain := []*x509.Certificate{leaf, lab.device.intermediate.cert}
	if err := verify(chain, "sbc.customer.test", testStart, lab.DeviceRoot()); err != nil {
		t.Error(err)
	}
	if err := verify(chain, "sbc.customer.test", testStart, lab.CloudRoots()...); err == nil {
		t.Error("the cloud roots vouch for a device")
	}
}

func TestIssueDeviceAgain(t *testing.T) {
	names := []string{"sbc.customer.test", "sbc2.customer.test"}
	tests := []struct {
		name  string
		later time.Duration
		opt   DeviceOptions
		same  bool
	}{
		{"same", 300 * 24 * time.Hour, DeviceOptions{DNS: names}, true},
		{"renewed", time.Minute, DeviceOptions{DNS: names, Renew: true}, false},
		{"other names", time.Minute, DeviceOptions{}, false},
		{"same names in another order", time.Minute, DeviceOptions{DNS: []string{names[1], names[0]}}, false},
		{"ends within a day", 397*24*time.Hour - 20*time.Hour, DeviceOptions{DNS: names}, false},
		{"ended", 500 * 24 * time.Hour, DeviceOptions{DNS: names}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := stateCopy(t)
			first := issue(t, openLab(t, dir, at(testStart)), "sbc.customer.test", DeviceOptions{DNS: names})
			// A leftover of a killed run is in the way of nothing.
			if err := os.Mkdir(filepath.Join(dir, "devices", ".sbc.customer.test.new"), 0o700); err != nil {
				t.Fatal(err)
			}
			second := issue(t, openLab(t, dir, at(testStart.Add(tt.later))), "sbc.customer.test", tt.opt)
			if same := first.Certificate.Leaf.Equal(second.Certificate.Leaf); same != tt.same {
				t.Errorf("same certificate: %v, want %v", same, tt.same)
			}
			if _, err := tls.LoadX509KeyPair(second.ChainFile, second.KeyFile); err != nil {
				t.Error(err)
			}
			if !tt.same {
				entries, err := os.ReadDir(filepath.Join(dir, "devices"))
				if err != nil || len(entries) != 1 {
					t.Errorf("left in devices: %v, %v", entries, err)
				}
			}
		})
	}
}

func TestIssueDeviceAtOnceMakesOne(t *testing.T) {
	dir := stateCopy(t)
	got := make([]DeviceCertificate, 4)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			lab, err := Open(dir, at(testStart))
			if err == nil {
				got[i], err = lab.IssueDevice("sbc.customer.test", DeviceOptions{})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, d := range got[1:] {
		if !d.Certificate.Leaf.Equal(got[0].Certificate.Leaf) {
			t.Error("two certificates were issued")
		}
	}
}

func TestIssueDeviceRefuses(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	for name, opt := range map[string]DeviceOptions{
		"../../etc": {}, "": {}, ".": {}, "a/b": {}, "127.0.0.1": {}, "::1": {},
		"sbc": {DNS: []string{"sbc", "*.sbc"}},
	} {
		_, err := lab.IssueDevice(name, opt)
		wantLine(t, err, "issuing a certificate for device", "host name")
	}
}

func TestIssueDeviceReportsDamage(t *testing.T) {
	dir := stateCopy(t)
	lab := openLab(t, dir, at(testStart))
	foreign := encodeCertificates(lab.DeviceRoot().Raw)
	foreignKey, err := os.ReadFile(filepath.Join(dir, "device-ca", "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		files map[string]string // nil text: removed
		want  string
	}{
		{"key damaged", map[string]string{"key.pem": "x"}, "key.pem: the file is damaged"},
		{"chain damaged", map[string]string{"chain.pem": "x"}, "chain.pem: the file is damaged"},
		{"key missing", map[string]string{"key.pem": ""}, "key.pem"},
		{"leaf missing", map[string]string{"cert.pem": ""}, "cert.pem"},
		{"not of this lab", map[string]string{"chain.pem": string(foreign), "key.pem": string(foreignKey)}, "not issued by this lab"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := issue(t, lab, "sbc", DeviceOptions{Renew: true})
			for name, text := range tt.files {
				path := filepath.Join(filepath.Dir(d.KeyFile), name)
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if text == "" {
					continue
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := lab.IssueDevice("sbc", DeviceOptions{})
			wantLine(t, err, tt.want, "certs issue --renew, or remove "+filepath.Dir(d.KeyFile))
			issue(t, lab, "sbc", DeviceOptions{Renew: true})
		})
	}
}

func TestDeviceNamesAndDatesAtTheirLimits(t *testing.T) {
	dir := stateCopy(t)
	late := testStart.Add(deviceCALife - 30*24*time.Hour)
	long := strings.Repeat("a", 60) + ".customer.test"
	leaf := issue(t, openLab(t, dir, at(late)), long, DeviceOptions{}).Certificate.Leaf
	if leaf.Subject.CommonName != "" || leaf.DNSNames[0] != long {
		t.Errorf("CN %q, SAN %v", leaf.Subject.CommonName, leaf.DNSNames)
	}
	if want := testStart.Add(deviceCALife); !leaf.NotAfter.Equal(want) {
		t.Errorf("ends %v, want with its CA, %v", leaf.NotAfter, want)
	}
}
