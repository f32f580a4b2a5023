package sdp

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// description is an offer of a device, its media lines put after the session's.
func description(media ...string) []byte {
	head := []string{"v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"}
	return []byte(strings.Join(append(head, media...), "\r\n") + "\r\n")
}

const key = "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

func TestTextReadsBack(t *testing.T) {
	for name, want := range map[string]Audio{
		"plain, IPv4": {Addr: netip.MustParseAddrPort("127.0.3.1:4000"), Profile: ProfileRTP,
			Codecs: []Codec{PCMU, PCMA, Event}, Direction: "sendrecv"},
		"SRTP with two lines, IPv6": {Addr: netip.MustParseAddrPort("[2001:db8::1]:65535"), Profile: ProfileSRTP,
			Codecs: []Codec{PCMA}, Crypto: []string{key, "2" + key[1:]}, Direction: "sendonly"},
		"inactive": {Addr: netip.MustParseAddrPort("127.0.3.1:1"), Profile: ProfileSRTP,
			Codecs: []Codec{{96, "opus"}, PCMU}, Crypto: []string{key}, Direction: "inactive"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(want.Text(7))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, []Audio{want}) {
				t.Errorf("read back\n%+v\nwrote\n%+v", got, want)
			}
		})
	}
}

func TestTextIsAsWritten(t *testing.T) {
	a := Audio{Addr: netip.MustParseAddrPort("127.0.3.1:4000"), Profile: ProfileSRTP, Codecs: []Codec{PCMU, Event}, Crypto: []string{key}}
	want := "v=0\r\no=byocheck 3 3 IN IP4 127.0.3.1\r\ns=-\r\nc=IN IP4 127.0.3.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0 101\r\n" +
		"a=crypto:" + key + "\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
	if got := string(a.Text(3)); got != want {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
}

func TestRead(t *testing.T) {
	here := netip.MustParseAddrPort("192.0.2.1:5004")
	for _, x := range []struct {
		name string
		in   []byte
		want []Audio
	}{
		{"static payload types without a=rtpmap", description("m=audio 5004 RTP/AVP 8 0"),
			[]Audio{{Addr: here, Profile: "RTP/AVP", Codecs: []Codec{PCMA, PCMU}, Direction: "sendrecv"}}},
		{"dynamic type without a=rtpmap", description("m=audio 5004 RTP/AVP 96"),
			[]Audio{{Addr: here, Profile: "RTP/AVP", Codecs: []Codec{{96, ""}}, Direction: "sendrecv"}}},
		{"connection of the stream goes first", description("m=audio 5004 RTP/AVP 0", "c=IN IP6 2001:db8::5"),
			[]Audio{{Addr: netip.MustParseAddrPort("[2001:db8::5]:5004"), Profile: "RTP/AVP", Codecs: []Codec{PCMU}, Direction: "sendrecv"}}},
		{"direction of the session", description("a=recvonly", "m=audio 5004 RTP/AVP 0"),
			[]Audio{{Addr: here, Profile: "RTP/AVP", Codecs: []Codec{PCMU}, Direction: "recvonly"}}},
		{"direction of the stream goes first", description("a=recvonly", "m=audio 5004 RTP/AVP 0", "a=inactive"),
			[]Audio{{Addr: here, Profile: "RTP/AVP", Codecs: []Codec{PCMU}, Direction: "inactive"}}},
		{"crypto at session level is none", description("a=crypto:"+key, "m=audio 5004 RTP/SAVP 0"),
			[]Audio{{Addr: here, Profile: "RTP/SAVP", Codecs: []Codec{PCMU}, Direction: "sendrecv"}}},
		{"each stream has its own crypto", description("m=audio 5004 RTP/AVP 0", "m=audio 5004 RTP/SAVP 0", "a=crypto:"+key),
			[]Audio{{Addr: here, Profile: "RTP/AVP", Codecs: []Codec{PCMU}, Direction: "sendrecv"},
				{Addr: here, Profile: "RTP/SAVP", Codecs: []Codec{PCMU}, Crypto: []string{key}, Direction: "sendrecv"}}},
		{"stream with port 0 is not in use", description("m=audio 0 RTP/AVP 0", "a=crypto:"+key, "m=audio 5004 RTP/AVP 8"),
			[]Audio{{Addr: here, Profile: "RTP/AVP", Codecs: []Codec{PCMA}, Direction: "sendrecv"}}},
		{"video and fax beside audio", description("m=video 5008 RTP/AVP 99", "a=inactive", "m=audio 5004 RTP/AVP 0", "m=image 5010 udptl t38", "a=T38FaxVersion:0"),
			[]Audio{{Addr: here, Profile: "RTP/AVP", Codecs: []Codec{PCMU}, Direction: "sendrecv"}}},
		{"fax refused beside audio", description("m=audio 5004 RTP/AVP 0", "m=image 0 udptl t38"),
			[]Audio{{Addr: here, Profile: "RTP/AVP", Codecs: []Codec{PCMU}, Direction: "sendrecv"}}},
		{"line feeds alone", []byte(strings.ReplaceAll(string(description("m=audio 5004 RTP/AVP 0")), "\r", "")),
			[]Audio{{Addr: here, Profile: "RTP/AVP", Codecs: []Codec{PCMU}, Direction: "sendrecv"}}},
	} {
		t.Run(x.name, func(t *testing.T) {
			got, err := Read(x.in)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, x.want) {
				t.Errorf("read\n%+v\nwant\n%+v", got, x.want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for _, x := range []struct {
		name string
		in   []byte
		want string
	}{
		{"nothing", nil, "session description"},
		{"no description at all", []byte("hello"), "reading the session description"},
		{"only video", description("m=video 5008 RTP/AVP 99"), "no audio stream"},
		{"only a refused stream", description("m=audio 0 RTP/SAVP 0"), "no audio stream"},
		{"port too high", description("m=audio 70000 RTP/AVP 0"), "70000"},
		{"negative port", description("m=audio -1 RTP/AVP 0"), "-1"},
		{"payload type too high", description("m=audio 5004 RTP/AVP 128"), `payload type "128"`},
		{"name in the c= line", description("m=audio 5004 RTP/AVP 0", "c=IN IP4 media.customer.test"), `no IP address but "media.customer.test"`},
		{"no c= line", []byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"), "no c= line"},
	} {
		t.Run(x.name, func(t *testing.T) {
			got, err := Read(x.in)
			if err == nil || !strings.Contains(err.Error(), x.want) {
				t.Errorf("got %+v, %v; want an error with %q", got, err, x.want)
			}
		})
	}
	if _, err := Read(description("m=video 5008 RTP/AVP 99")); !errors.Is(err, ErrNoAudio) {
		t.Errorf("%v is not ErrNoAudio", err)
	}
}

func TestCommon(t *testing.T) {
	ours := []Codec{PCMU, PCMA, Event}
	for _, x := range []struct {
		name   string
		theirs []Codec
		want   Codec
		ok     bool
	}{
		{"our order decides", []Codec{PCMA, PCMU}, PCMU, true},
		{"only the second", []Codec{{96, "opus"}, PCMA}, PCMA, true},
		{"their payload type, our spelling", []Codec{{97, "pcma"}}, Codec{97, "PCMA"}, true},
		{"events are no codec", []Codec{Event}, Codec{}, false},
		{"nothing in common", []Codec{{9, "G722"}}, Codec{}, false},
		{"nothing at all", nil, Codec{}, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			if got, ok := Common(ours, x.theirs); got != x.want || ok != x.ok {
				t.Errorf("got %v %v, want %v %v", got, ok, x.want, x.ok)
			}
		})
	}
}

// FuzzRead checks that no description makes Read panic, and that what was read
// can be written and read again as the same streams.
func FuzzRead(f *testing.F) {
	f.Add(description("m=audio 5004 RTP/SAVP 0 8 101", "a=crypto:"+key, "a=rtpmap:101 telephone-event/8000", "a=sendonly"))
	f.Add(description("m=audio 5004/2 RTP/AVP 0", "c=IN IP6 ::1", "m=image 0 udptl t38"))
	f.Add([]byte("m=\r\nm=audio\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := Read(b)
		if err == nil && len(all) == 0 {
			t.Fatal("no stream and no error")
		}
		for _, a := range all {
			if a.Profile == "" || !a.Addr.IsValid() || a.Addr.Port() == 0 {
				t.Fatalf("unusable stream %+v", a)
			}
			if a.Addr.Addr().Zone() != "" || len(a.Codecs) == 0 {
				continue // neither can be written
			}
			again, err := Read(a.Text(1))
			if err != nil || len(again) != 1 || again[0].Addr != a.Addr || again[0].Profile != a.Profile || again[0].Direction != a.Direction || len(again[0].Codecs) != len(a.Codecs) {
				t.Fatalf("wrote %+v, read back %+v, %v", a, again, err)
			}
		}
	})
}

func TestAnswer(t *testing.T) {
	ours := Audio{Addr: netip.MustParseAddrPort("127.0.3.1:4000"), Profile: ProfileRTP, Codecs: []Codec{PCMU}}
	for _, tt := range []struct {
		name  string
		offer string
		want  []string // the answer's m= lines
	}{
		{"one stream", "v=0\r\nm=audio 9 RTP/AVP 0\r\n", []string{"m=audio 4000 RTP/AVP 0"}},
		{"fax beside", "v=0\r\nm=audio 9 RTP/AVP 0 8\r\nm=image 11 udptl t38\r\na=T38FaxVersion:0\r\n", []string{"m=audio 4000 RTP/AVP 0", "m=image 0 udptl t38"}},
		{"video before", "v=0\r\nm=video 7 RTP/SAVP 96\r\nm=audio 9 RTP/AVP 0\r\n", []string{"m=video 0 RTP/SAVP 96", "m=audio 4000 RTP/AVP 0"}},
		{"audio not in use before", "v=0\r\nm=audio 0 RTP/AVP 0\r\nm=audio 9 RTP/AVP 0\r\nm=audio 10 RTP/AVP 0\r\n",
			[]string{"m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 0", "m=audio 0 RTP/AVP 0"}},
		{"line ends of one octet", "v=0\nm=audio 9 RTP/AVP 0\nm=text\n", []string{"m=audio 4000 RTP/AVP 0", "m=text 0 "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := string(ours.Answer([]byte(tt.offer), 1))
			var got []string
			for line := range strings.Lines(answer) {
				if strings.HasPrefix(line, "m=") {
					got = append(got, strings.TrimSuffix(line, "\r\n"))
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("streams %q, want %q", got, tt.want)
			}
			if a, err := Read([]byte(answer)); err != nil || len(a) != 1 || a[0].Addr != ours.Addr {
				t.Errorf("read again: %+v, %v", a, err)
			}
		})
	}
}
