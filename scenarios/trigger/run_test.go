package trigger

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait: reaching it is a failure, never a pass.
const patience = 20 * time.Second

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, line string
		printed    string
		errs       []string // what the error says; none for success
	}{
		{"prints", "echo one; echo two >&2", "one\ntwo", nil},
		{"prints nothing", "true", "", nil},
		{"runs in the folder", "pwd -P", dir, nil},
		{"fails after several lines", "echo one; echo two; exit 3", "one\ntwo", []string{"exit status 3", `it said "two"`, "exit 3"}},
		{"fails in silence", "exit 4", "", []string{"exit status 4", `it said ""`}},
		{"is not there", "no-such-command-here", "", []string{"exit status 127", "not found"}},
		{"is killed by another", "kill -9 $$", "", []string{"signal: killed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			printed, err := Run(bounded(t), c.line, dir)
			if c.printed != "" && printed != c.printed {
				t.Errorf("printed %q, want %q", printed, c.printed)
			}
			if (err != nil) != (c.errs != nil) {
				t.Fatalf("error %v, want one that says %q", err, c.errs)
			}
			for _, part := range c.errs {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error %q does not say %q", err, part)
				}
			}
		})
	}
}

func TestRunWithoutAFolderThatIsThere(t *testing.T) {
	if _, err := Run(bounded(t), "true", filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("no error")
	}
}

// running reports whether a process still runs; a zombie does not.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

// told returns a command that tells the variables through a pipe as soon as it
// gets there, and the function that waits for them.
func told(t *testing.T, variables string) (command string, pids func() []int) {
	pipe := filepath.Join(t.TempDir(), "pids")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	return "echo " + variables + " >" + pipe, func() (out []int) {
		f, err := os.Open(pipe) // returns when the command opens its end
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		line, err := bufio.NewReader(f).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range strings.Fields(line) {
			pid, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, pid)
		}
		return out
	}
}

func TestRunEndsTheCommandAndItsChildren(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"which it waits for", "sleep 300 & b=$!; ", "; wait"},
		{"which ignore hang-up and termination", "trap '' HUP TERM; sleep 300 & b=$!; ", "; wait"},
		{"which print nothing", "sleep 300 >/dev/null 2>&1 & b=$!; ", "; wait"},
		{"which run a shell of their own", "sh -c 'sleep 300; true' & b=$!; ", "; wait"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tell, pids := told(t, "$$ $b")
			ctx, cancel := context.WithCancel(bounded(t))
			ended := make(chan error, 1)
			go func() {
				_, err := Run(ctx, c.before+tell+c.after, "")
				ended <- err
			}()
			children := pids()
			for _, pid := range children {
				if !running(pid) {
					t.Errorf("process %d does not run", pid)
				}
			}
			cancel()
			err := <-ended
			if err == nil || !strings.Contains(err.Error(), "killed") {
				t.Errorf("error %v, want one that says killed", err)
			}
			for _, pid := range children {
				for end := time.Now().Add(patience); running(pid); {
					if time.Now().After(end) {
						t.Fatalf("process %d still runs", pid)
					}
				}
			}
		})
	}
}

// A hook that starts a daemon has done its work, also where the daemon keeps
// the hook's output open.
func TestRunLeavesADaemon(t *testing.T) {
	printed, err := Run(bounded(t), "sleep 300 & echo $!", "")
	if err != nil {
		t.Errorf("error %v, want none", err)
	}
	pid, bad := strconv.Atoi(printed)
	if bad != nil {
		t.Fatal(bad)
	}
	if !running(pid) {
		t.Error("the daemon was killed")
	}
	syscall.Kill(pid, syscall.SIGKILL)
}

func TestRunKeepsTheEndOfLongOutput(t *testing.T) {
	printed, err := Run(bounded(t), "head -c 300000 /dev/zero | tr '\\0' x; echo; echo the end; exit 1", "")
	if err == nil || !strings.Contains(err.Error(), `"the end"`) {
		t.Errorf("error %.200v, want one with the last line", err)
	}
	if len(printed) > 4096 || len(printed) < 4000 || !strings.HasSuffix(printed, "x\nthe end") {
		t.Errorf("%d octets are kept, ending in %q", len(printed), printed[max(0, len(printed)-20):])
	}
}

func TestTailIsBounded(t *testing.T) {
	for _, size := range []int{1, 7, 4095, 4096, 4097, 32 << 10} {
		var out tail
		chunk := []byte(strings.Repeat("a", size-1) + "z")
		for range 100_000/size + 2 {
			if n, err := out.Write(chunk); n != size || err != nil {
				t.Fatalf("writing %d octets: %d, %v", size, n, err)
			}
		}
		if len(out.b) != 4096 || out.b[4095] != 'z' {
			t.Errorf("in chunks of %d: %d octets are kept", size, len(out.b))
		}
		if cap(out.b) > 2*(4096+size) {
			t.Errorf("in chunks of %d: room for %d octets", size, cap(out.b))
		}
	}
}
