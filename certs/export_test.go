package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// deviceTrust is what a device makes of exported files.
func deviceTrust(t *testing.T, files []File) []*x509.Certificate {
	t.Helper()
	var roots []*x509.Certificate
	for _, f := range files {
		if !strings.HasPrefix(filepath.Base(f.Path), "cloud-root") {
			continue
		}
		data, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		var certs []*x509.Certificate
		if strings.HasSuffix(f.Path, ".der") {
			certs, err = x509.ParseCertificates(data)
		} else {
			certs, err = parseCertificates(data)
		}
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, certs...)
	}
	return roots
}

func TestDeviceStillTrustsAfterRestart(t *testing.T) {
	for format, want := range map[Format][]string{
		PEM: {"cloud-root-high-assurance-ev.pem", "cloud-root-global-g2.pem", "cloud-root-global-g3.pem", "cloud-roots.pem", "device-ca-root.pem"},
		DER: {"cloud-root-high-assurance-ev.der", "cloud-root-global-g2.der", "cloud-root-global-g3.der", "device-ca-root.der"},
	} {
		t.Run(string(format), func(t *testing.T) {
			state, out := stateCopy(t), filepath.Join(t.TempDir(), "new", "export")
			files, err := openLab(t, state, at(testStart)).Export(out, format)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range files {
				names = append(names, filepath.Base(f.Path))
				if f.Purpose == "" || strings.Contains(f.Purpose, "\n") {
					t.Errorf("%s: purpose %q", f.Path, f.Purpose)
				}
			}
			if !slices.Equal(names, want) {
				t.Errorf("files %v, want %v", names, want)
			}
			if got := readTree(t, out); len(got) != len(want) {
				t.Errorf("%d files in the export", len(got))
			}
			trust := deviceTrust(t, files)

			later := testStart.Add(3 * year)
			again := openLab(t, state, at(later))
			for _, s := range cloudShapes {
				a := authorityUnder(t, again, s.id)
				if err := verify(chainOf(t, a, Healthy), use1.DNS[1], later, trust...); err != nil {
					t.Errorf("%s: a device with the first export refuses: %v", s.id, err)
				}
				if err := verify(chainOf(t, a, UntrustedRoot), use1.DNS[1], later, trust...); err == nil {
					t.Errorf("%s: a device with the first export trusts another root", s.id)
				}
			}
			if _, err := again.Export(out, format); err != nil {
				t.Errorf("exporting again: %v", err)
			}
		})
	}
}

func TestExportLeavesOthersAlone(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	out := t.TempDir()
	mine := filepath.Join(out, "notes.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Export(out, PEM); err != nil {
		t.Fatal(err)
	}
	if got := readTree(t, out); got["notes.txt"] != "mine" || len(got) != 6 {
		t.Errorf("files: %d, notes %q", len(got), got["notes.txt"])
	}
	for name, occupy := range map[string]func(string) error{
		"a text":            func(p string) error { return os.WriteFile(p, []byte("mine"), 0o600) },
		"a directory":       func(p string) error { return os.Mkdir(p, 0o700) },
		"a symbolic link":   func(p string) error { return os.Symlink(mine, p) },
		"more than we read": func(p string) error { return os.WriteFile(p, make([]byte, maxFile+1), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			taken := filepath.Join(out, "device-ca-root.pem")
			if err := occupy(taken); err != nil {
				t.Fatal(err)
			}
			_, err := lab.Export(out, PEM)
			wantLine(t, err, taken, "refusing to replace", "another directory")
			if entries, _ := os.ReadDir(out); len(entries) != 1 {
				t.Errorf("something was written: %v", entries)
			}
		})
	}
}

func TestExportIntoAFile(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	file := filepath.Join(t.TempDir(), "afile")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{file, filepath.Join(file, "roots"), filepath.Join(file, "a", "b")} {
		_, err := lab.Export(out, PEM)
		wantLine(t, err, "--out: "+file+" is a file, not a folder")
		if strings.Contains(err.Error(), "cloud-root") {
			t.Errorf("the error is about a file that cannot be there: %v", err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "mine" {
		t.Errorf("the file: %q, %v", got, err)
	}
}

func TestExportUnknownFormat(t *testing.T) {
	_, err := openLab(t, stateCopy(t), at(testStart)).Export(t.TempDir(), "jks")
	wantLine(t, err, `"jks"`, "pem", "der")
}

func TestWriteChain(t *testing.T) {
	lab := openLab(t, stateCopy(t), at(testStart))
	a := newAuthority(t, lab)
	dir := filepath.Join(t.TempDir(), "chain")
	for _, p := range []Profile{Healthy, SANMismatch} { // the second replaces the first
		chain, err := a.Chain(p, use1)
		if err != nil {
			t.Fatal(err)
		}
		files, err := WriteChain(dir, chain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tls.LoadX509KeyPair(files[0].Path, files[1].Path)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got.Certificate, chain.Certificate, slices.Equal) {
			t.Errorf("%s: another chain was written", p)
		}
		if st, err := os.Stat(files[1].Path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: key: %v, %v", p, st.Mode(), err)
		}
	}
}

func TestWriteChainRefuses(t *testing.T) {
	chain, err := newAuthority(t, openLab(t, stateCopy(t), at(testStart))).Chain(Healthy, use1)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"key.pem", "chain.pem"} {
		t.Run(name+" of somebody else", func(t *testing.T) {
			dir := t.TempDir()
			taken := filepath.Join(dir, name)
			if err := os.WriteFile(taken, []byte("theirs"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := WriteChain(dir, chain)
			wantLine(t, err, "refusing to replace", taken)
			if got := readTree(t, dir); len(got) != 1 || got[name] != "theirs" {
				t.Errorf("files: %v", got)
			}
		})
	}
	t.Run("no chain", func(t *testing.T) {
		_, err := WriteChain(t.TempDir(), tls.Certificate{PrivateKey: chain.PrivateKey})
		wantLine(t, err, "empty")
	})
	t.Run("no key", func(t *testing.T) {
		_, err := WriteChain(t.TempDir(), tls.Certificate{Certificate: chain.Certificate})
		wantLine(t, err, "writing a chain", "unknown key type")
	})
}

// TestOpenSSLServesWrittenChains: another implementation takes the files, and
// presents the chain as we do.
func TestOpenSSLServesWrittenChains(t *testing.T) {
	openssl := peer(t, "openssl")
	dir := t.TempDir()
	lab := openLab(t, filepath.Join(dir, "state"), Options{}) // its client has the real clock
	for _, s := range shapes {
		t.Run(string(s.id), func(t *testing.T) {
			a := authorityUnder(t, lab, s.id)
			chain, err := a.Chain(Healthy, use1)
			if err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(dir, string(s.id))
			if _, err := WriteChain(to, chain); err != nil {
				t.Fatal(err)
			}
			servedByOpenSSL(t, openssl, to, rootsOf(lab), a)
		})
	}
}

// servedByOpenSSL runs the command of WriteChain's comment, and connects with a
// suite that the cloud has.
func servedByOpenSSL(t *testing.T, openssl, dir string, trust []*x509.Certificate, a *Authority) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, openssl, "s_server", "-accept", addr, "-cert", "chain.pem", "-CAfile", "chain.pem", "-key", "key.pem", "-naccept", "1")
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe() // at the end of its input it hangs up
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cancel()
	var said []byte // it says ACCEPT when it listens
	for buf := make([]byte, 256); !strings.Contains(string(said), "ACCEPT"); {
		n, err := out.Read(buf)
		if said = append(said, buf[:n]...); err != nil {
			t.Fatalf("s_server ended: %v: %s", err, said)
		}
	}
	pool := x509.NewCertPool()
	for _, root := range trust {
		pool.AddCert(root)
	}
	conn, err := tls.Dial("tcp", addr, &tls.Config{
		RootCAs: pool, ServerName: use1.DNS[3], MaxVersion: tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.ConnectionState().VerifiedChains; len(got) != 1 || len(got[0]) != 3 || !got[0][2].Equal(a.Root()) {
		t.Errorf("verified chains: %v", got)
	}
}
