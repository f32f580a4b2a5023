//go:build !(linux && amd64) || nolibssl

package libssl

import (
	"errors"
	"runtime"
)

// open says why there is no OpenSSL in this build.
func open(string, *library) error {
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		return errors.New("loading OpenSSL: this program was built without it (tag nolibssl): build it without that tag")
	}
	return errors.New("loading OpenSSL: not supported on " + runtime.GOOS + "/" + runtime.GOARCH + ": use linux/amd64")
}
