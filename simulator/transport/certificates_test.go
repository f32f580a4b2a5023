package transport

import (
	"bytes"
	"slices"
	"testing"
)

func TestParseCertificates(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		want [][]byte
		bad  bool
	}{
		{"two", []byte{0, 0, 9, 0, 0, 2, 1, 2, 0, 0, 1, 3}, [][]byte{{1, 2}, {3}}, false},
		{"none", []byte{0, 0, 0}, nil, false},
		{"a list that is cut", []byte{0, 0, 9, 0, 0, 2, 1}, nil, true},
		{"a certificate longer than the list", []byte{0, 0, 4, 0, 0, 9, 1}, nil, true},
		{"nothing", nil, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseCertificates(tt.in)
			if (err != nil) != tt.bad {
				t.Fatalf("error %v", err)
			}
			if !tt.bad && !slices.EqualFunc(got, tt.want, bytes.Equal) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
