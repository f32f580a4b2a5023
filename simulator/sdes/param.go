package sdes

import (
	"strconv"
	"strings"

	"github.com/pion/srtp/v3"
)

// Session parameters of RFC 4568 section 6.3 that take no value.
const (
	UnencryptedSRTP     = "UNENCRYPTED_SRTP"
	UnencryptedSRTCP    = "UNENCRYPTED_SRTCP"
	UnauthenticatedSRTP = "UNAUTHENTICATED_SRTP"
)

// defaultWindow is the smallest replay window that RFC 3711 section 3.3.2
// allows, and the default of the WSH parameter.
const defaultWindow = 64

// maxWindow bounds the memory that a peer's WSH makes us keep for each SSRC.
const maxWindow = 1 << 15

// parseParam reads one session parameter and gives those that RFC 4568
// section 6.3 defines their spelling there, so that they can be compared; they
// must be written as defined. Others are extensions and are not judged here.
func parseParam(p string) (string, error) {
	name, value, hasValue := strings.Cut(p, "=")
	canonical := strings.ToUpper(p)
	switch strings.ToUpper(name) {
	case UnencryptedSRTP, UnencryptedSRTCP, UnauthenticatedSRTP:
		if hasValue {
			return "", wrong(PartSessionParam, p, "%s takes no value", name)
		}
	case "KDR":
		if n, ok := decimal(value, 2); !ok || n > 24 {
			return "", wrong(PartSessionParam, p, "KDR is not 0 to 24")
		}
	case "WSH":
		if n, ok := decimal(value, 9); !ok || n < defaultWindow {
			return "", wrong(PartSessionParam, p, "WSH is not a number from 64 on")
		}
	case "FEC_ORDER":
		if canonical != "FEC_ORDER=FEC_SRTP" && canonical != "FEC_ORDER=SRTP_FEC" {
			return "", wrong(PartSessionParam, p, "FEC_ORDER is neither FEC_SRTP nor SRTP_FEC")
		}
	case "FEC_KEY":
		if method, _, _ := strings.Cut(value, ":"); !strings.EqualFold(method, "inline") {
			return "", wrong(PartSessionParam, "", "FEC_KEY has no inline key")
		}
		canonical = "FEC_KEY=" + value // a key is not for changing
	case "-", "":
		return "", wrong(PartSessionParam, p, "parameter without a name")
	default:
		if strings.HasPrefix(name, "--") {
			return "", wrong(PartSessionParam, p, "extension name starts with a dash")
		}
		return p, nil
	}
	return canonical, nil
}

// contextOptions turns the session parameters into what the transform has to
// do, or names the first that it cannot do.
func (l Line) contextOptions(suite Suite) ([]srtp.ContextOption, error) {
	window := defaultWindow
	var opts []srtp.ContextOption
	for _, p := range l.Params {
		name, value, _ := strings.Cut(p, "=")
		switch {
		case strings.HasPrefix(p, "-"): // an optional extension may be ignored
		case name == "WSH":
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, wrong(PartSessionParam, p, "reading the window size")
			}
			window = min(max(n, defaultWindow), maxWindow)
		case name == "KDR" && strings.Trim(value, "0") != "":
			return nil, wrong(PartSessionParam, p, "re-deriving keys within a session is not possible here")
		case name == "KDR": // 0 is the default: keys are derived once (RFC 3711 section 4.3.1)
		case suite.aead() && (name == UnencryptedSRTP || name == UnencryptedSRTCP || name == UnauthenticatedSRTP):
			return nil, wrong(PartSessionParam, p, "%s cannot do without its protection", suite.Name)
		case name == UnencryptedSRTP:
			opts = append(opts, srtp.SRTPNoEncryption())
		case name == UnencryptedSRTCP:
			opts = append(opts, srtp.SRTCPNoEncryption())
		case name == UnauthenticatedSRTP:
			opts = append(opts, srtp.SRTPAuthenticationTagLength(0))
		default:
			return nil, wrong(PartSessionParam, name, "mandatory session parameter cannot be honoured here")
		}
	}
	return append(opts, srtp.SRTPReplayProtection(uint(window)), srtp.SRTCPReplayProtection(uint(window))), nil
}

// weakened reports whether a parameter takes encryption or authentication
// away. These are also the parameters that both ends must agree on; all
// others are declared by each end for what it sends (RFC 4568 section 6.3).
func weakened(p string) bool {
	return p == UnencryptedSRTP || p == UnencryptedSRTCP || p == UnauthenticatedSRTP
}

// decimal reads up to maxDigits digits and nothing else.
func decimal(s string, maxDigits int) (int, bool) {
	if s == "" || len(s) > maxDigits {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
