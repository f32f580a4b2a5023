package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Numbers are the telephone numbers of a lab. A device may rewrite a number on
// the way, so a call is known by the last Match digits.
type Numbers struct {
	// Inbound numbers are dialled by the carrier; the device sends them to the
	// cloud.
	Inbound []string
	// Outbound numbers are dialled by the cloud; the device sends them to the
	// carrier.
	Outbound []string
	// InboundExpected and OutboundExpected are the forms in which the numbers
	// should arrive at the far side, in the order of the pools; empty if that
	// is not to be judged.
	InboundExpected, OutboundExpected []string
	// Match is how many last digits identify a call.
	Match int
}

// Key returns the last Match digits of number, which identify a call, or all
// of its digits if there are fewer. Whatever is not a digit is left out.
func (n Numbers) Key(number string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
	return digits[max(0, len(digits)-n.Match):]
}

func parseNumber(s string) (string, error) {
	if !isDigits(strings.TrimPrefix(s, "+")) {
		return "", fmt.Errorf("bad number %.80q; write digits only, with an optional + in front, such as \"+13175550100\"", s)
	}
	return s, nil
}

func parseMatch(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 15 {
		return 0, fmt.Errorf("bad count of digits %.80q; write a number from 1 to 15", s)
	}
	return n, nil
}

// checkNumbers refuses pools in which two numbers could be taken for each other.
func (c *Config) checkNumbers() error {
	n := c.Numbers
	for _, p := range []struct {
		name           string
		pool, expected []string
	}{
		{"inbound", n.Inbound, n.InboundExpected},
		{"outbound", n.Outbound, n.OutboundExpected},
	} {
		if len(p.expected) != 0 && len(p.expected) != len(p.pool) {
			return c.Errorf("numbers."+p.name+"-expected", "%d entries, but numbers.%s has %d; write one for each, in the same order",
				len(p.expected), p.name, len(p.pool))
		}
	}
	if err := c.checkPool("numbers.inbound", n.Inbound, "numbers.outbound", n.Outbound); err != nil {
		return err
	}
	return c.checkPool("numbers.inbound-expected", n.InboundExpected, "numbers.outbound-expected", n.OutboundExpected)
}

// checkPool takes both directions at once: a device under load may have calls
// of both, and one number must not stand for two of them.
func (c *Config) checkPool(inKey string, in []string, outKey string, out []string) error {
	seen := make(map[string]string, len(in)+len(out))
	for i, number := range append(in[:len(in):len(in)], out...) {
		key := entryKey(inKey, i)
		if i >= len(in) {
			key = entryKey(outKey, i-len(in))
		}
		if _, err := parseNumber(number); err != nil {
			return c.Errorf(key, "%w", err)
		}
		last := c.Numbers.Key(number)
		if len(last) < c.Numbers.Match {
			return c.Errorf(key, "%q has %d digits, fewer than the %d that identify a call; write it in full or set numbers.match to %d or less",
				number, len(last), c.Numbers.Match, len(last))
		}
		if other, ok := seen[last]; ok {
			return c.Errorf(key, "%q ends in the same %d digits as %q; write numbers that differ there, or raise numbers.match",
				number, c.Numbers.Match, other)
		}
		seen[last] = number
	}
	return nil
}
