package judge

import (
	"testing"

	"byocheck/simulator/record"
)

func outboundCases() []expected {
	good := call{}
	answer := func(name string, status Status, says string, sdp string) expected {
		return expected{"answer: " + name, one(cloudCall(call{answer: sdp}), carrierTakes(good)), status, []string{says}, []string{"sip.message"}}
	}
	srtp := func(lines ...string) string { return description(stream("RTP/SAVP", lines...)) }
	rejected := func(status int, says ...string) expected {
		return expected{"rejected " + says[0], one(cloudCall(call{status: status})), Fail, says, []string{"call"}}
	}
	cases := []expected{
		{"heard both ways", one(cloudCall(good), carrierTakes(good)), Pass, []string{"connected with " + MandatorySuite, "98 %", "200 packets"}, []string{"media"}},
		{"a call of the attempt before ends in this one", one(lateEnd(7, "caller"), cloudCall(call{number: 8}), carrierTakes(good)), Pass, nil, nil},
		{"the device calls the cloud meanwhile", one(cloudCall(good), cloudTakes(call{number: 5, status: 486}), carrierTakes(good)), Pass, nil, nil},
		{"a call to another number at the carrier", one(cloudCall(good), carrierTakes(call{number: 3, called: "911", status: 404}), carrierTakes(good)), Pass, nil, nil},

		rejected(488, "final response 488", "RTP/SAVP"),
		rejected(404, "final response 404", "does not route this number"),
		rejected(407, "final response 407", "digest"),
		rejected(403, "final response 403", "refuses the caller"),
		rejected(503, "final response 503", "route to the carrier side"),
		rejected(486, "final response 486", "device's log"),
		{"no final response", one(cloudCall(call{status: -1})), Fail, []string{"no final response"}, []string{"call"}},
		{"connection lost while it rings", one(cloudCall(call{failure: "waiting for the answer to INVITE: the connection ended"})), Fail, []string{"the connection ended"}, []string{"call"}},
		{"nothing listens", one(notDialled("unreachable: connection refused")), Fail, []string{"could not connect", "connection refused", "TLS listener"}, []string{"tcp.dialled"}},
		{"handshake fails", one(dial(refusesUs)), Fail, []string{"handshake with the device failed", "tls.outbound"}, []string{"tls.handshake-failed"}},
		{"no TLS there", one(dial(ourHello, func(w *wire, l link) {
			w.emit(l, record.HandshakeFailed{Error: "TLS handshake: wrong version number", By: record.Us})
		})), Fail, []string{"speaks no TLS: check the port"}, nil},
		{"handshake still under way", one(dial(ourHello)), Inconclusive, []string{"had not come to an end"}, []string{"tcp.dialled"}},
		{"our own mishap", one(lateEnd(7, "caller"), stimulusEnded("too many open files")), Error, []string{"too many open files"}, []string{"stimulus"}},
		{"nothing recorded", one(), Error, []string{"nothing was recorded"}, nil},
		{"nothing recorded, truncated", one(flooded), Inconclusive, []string{"17 could not be kept"}, nil},

		answer("right, with an unused fax stream", Pass, "98 %", secured+"m=image 0 udptl t38\r\n"),
		answer("none", Fail, "no session description", "none"),
		answer("garbage", Fail, "cannot be used", "hello"),
		answer("stream refused", Fail, "no audio stream", "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 0 RTP/SAVP 0\r\n"),
		answer("RTP/AVP", Fail, "RTP/AVP instead of RTP/SAVP", description(stream("RTP/AVP"))),
		answer("RTP/AVP with a=crypto", Fail, "RTP/AVP instead of RTP/SAVP", description(stream("RTP/AVP", mandatory))),
		answer("no a=crypto", Fail, "no a=crypto line with "+MandatorySuite, srtp()),
		answer("another suite", Fail, "no a=crypto line with "+MandatorySuite, srtp(keyed(1, "AES_CM_128_HMAC_SHA1_32"))),
		answer("two lines", Fail, "answered with 2 a=crypto lines", srtp(mandatory, keyed(2, "AES_CM_128_HMAC_SHA1_32"))),
		answer("wrong tag", Fail, "crypto tag 2", srtp(keyed(2, MandatorySuite))),
		answer("broken line", Fail, "a=crypto line is wrong", srtp("1 AES_CM_128_HMAC_SHA1_80 inline:short")),
		answer("encryption switched off", Fail, "switches encryption or authentication off", srtp(keyed(1, MandatorySuite, "UNENCRYPTED_SRTP"))),
		answer("no G.711", Fail, "neither PCMU nor PCMA", "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 9\r\na=rtpmap:9 G722/8000\r\na=crypto:"+mandatory+"\r\n"),
		{"tag of the second of two lines that we offered", one(cloudCall(call{offer: srtp(mandatory, keyed(2, MandatorySuite)), answer: srtp(keyed(2, MandatorySuite))}), carrierTakes(good)), Pass, nil, nil},
		{"our own offer unreadable", one(cloudCall(call{offer: "none"}), carrierTakes(good)), Error, []string{"Our own offer"}, nil},
		{"SIP not recorded", one(cloudCall(call{lost: true}), carrierTakes(good)), Error, []string{"recorded no INVITE or 2xx"}, nil},
		{"SIP not recorded, truncated", one(cloudCall(call{lost: true}), carrierTakes(good), flooded), Inconclusive, []string{"17 events"}, nil},

		{"no agent at the carrier", with(one(cloudCall(good)), noCarrier), Inconclusive, []string{"no agent on the device's other side", "200 packets"}, []string{"media"}},
		{"no agent at the carrier, silence", with(one(cloudCall(call{heard: silent})), noCarrier), Inconclusive, []string{"no agent on the device's other side"}, nil},
		{"no agent at the carrier, nothing heard", with(one(cloudCall(call{heard: deaf})), noCarrier), Inconclusive, []string{"and 0 packets"}, nil},
		{"no agent at the carrier, but clear RTP", with(one(cloudCall(call{heard: unprotected})), noCarrier), Fail, []string{"clear RTP"}, nil},
		{"no call at the carrier", one(cloudCall(call{heard: silent})), Inconclusive, []string{"no call arrived at the carrier agent"}, nil},
		{"another number at the carrier", one(cloudCall(call{heard: silent}), carrierTakes(call{called: "555", status: 404})), Inconclusive, []string{`called at another number instead: "555"`}, nil},
		{"call matched twice at the carrier", one(cloudCall(good), carrierTakes(good), carrierTakes(call{number: 2})), Inconclusive, []string{"2 calls arrived at the carrier agent"}, nil},
		{"call at the carrier refused", one(cloudCall(call{heard: silent}), carrierTakes(call{status: 488})), Inconclusive, []string{"not connected at the carrier agent", "488"}, []string{"call"}},
		{"SRTP agreed but not used by us", one(cloudCall(call{heard: func(m *record.Media) { m.Encrypted, m.Suite = false, "" }}), carrierTakes(good), stimulusEnded("keying SRTP: no such transform")),
			Error, []string{"the simulator did not use it", "keying SRTP"}, nil},
	}
	return append(cases, heardCases(func(cloud, carrier call) Case { return one(cloudCall(cloud), carrierTakes(carrier)) })...)
}

// heardCases are what can be wrong with the audio of a call, either way.
func heardCases(made func(cloud, carrier call) Case) []expected {
	cloud := func(name string, status Status, says string, heard func(*record.Media)) expected {
		return expected{"cloud hears " + name, made(call{heard: heard}, call{}), status, []string{says}, []string{"media"}}
	}
	carrier := func(name string, status Status, says string, heard func(*record.Media)) expected {
		return expected{"carrier hears " + name, made(call{}, call{heard: heard}), status, []string{says}, []string{"media"}}
	}
	tone := func(blocks int, share float64) func(*record.Media) {
		return func(m *record.Media) { m.Blocks, m.ToneShare, m.SilenceShare = blocks, share, 0 }
	}
	return []expected{
		cloud("no packet", Fail, "no RTP packet reached the cloud", deaf),
		cloud("clear RTP", Fail, "3 of 200 packets from the device were clear RTP", unprotected),
		cloud("packets under another key", Fail, "None of the device's 200 packets could be authenticated", func(m *record.Media) { m.Authenticated, m.AuthFailed, m.Blocks, m.ToneShare = 0, 200, 0, 0 }),
		cloud("packets under a key that changes", Fail, "40 of the device's 200 packets failed authentication", func(m *record.Media) { m.AuthFailed = 40 }),
		cloud("its own tone", Fail, "its own tone come back", echo),
		cloud("silence", Fail, "silence in 97 %", silent),
		cloud("noise", Fail, "in only 30 % of 200 blocks", tone(200, 0.3)),
		cloud("another payload type only", Fail, "none of them held audio of the agreed codec (200", func(m *record.Media) { m.Blocks, m.ToneShare, m.WrongPayload = 0, 0, 200 }),
		cloud("RTCP only", Fail, "none of them held audio", func(m *record.Media) { m.Blocks, m.ToneShare, m.Authenticated = 0, 0, 0 }),
		cloud("the tone for 0.4 s", Fail, "only 0.4 s", tone(20, 1)),
		cloud("the tone for half a second", Pass, "100 %", tone(25, 1)),
		cloud("the tone in 80 % of the blocks", Pass, "80 %", tone(200, 0.8)),
		cloud("the tone in 79 % of the blocks", Fail, "only 79 %", tone(200, 0.79)),
		carrier("no packet", Fail, "no RTP packet reached the carrier", deaf),
		carrier("its own tone", Fail, "The carrier heard its own tone come back instead of the cloud's", echo),
		carrier("silence", Fail, "unable to decrypt what the cloud sends", silent),
		carrier("noise", Fail, "The carrier heard the cloud's tone in only 30 %", tone(200, 0.3)),
		{"nothing recorded of the cloud's audio", made(call{unheard: true}, call{}), Error, []string{"no audio on the cloud's side"}, nil},
		{"nothing recorded of the carrier's audio", made(call{}, call{unheard: true}), Error, []string{"no audio on the carrier's side"}, nil},
		{"the cloud's audio not kept", with(made(call{unheard: true}, call{}), func(c *Case) {
			a := &c.Attempts[0]
			a.Events = append(a.Events, record.Event{Seq: 9999, Body: record.Truncated{Dropped: 17}})
		}), Inconclusive, []string{"17 events", "what the cloud heard"}, nil},
	}
}

func noCarrier(c *Case) { c.CarrierHeard = false }

func deaf(m *record.Media) {
	m.Received, m.Authenticated, m.Blocks, m.ToneShare, m.SilenceShare = 0, 0, 0, 0, 0
}

func silent(m *record.Media) { m.ToneShare, m.SilenceShare = 0, 0.97 }

func echo(m *record.Media) { m.ToneShare, m.SilenceShare, m.EchoShare = 0.05, 0, 0.9 }

func unprotected(m *record.Media) { m.Clear = 3 }

// lateEnd is the end of a call that began before the attempt.
func lateEnd(number uint64, role string) step {
	return standing(func(w *wire, l link) {
		w.emit(l, record.Call{Leg: "cloud", Call: number, Role: role, State: "ended"})
		w.emit(l, record.Media{Leg: "cloud", Call: number})
	})
}

// TestMeasurements: the figures of both sides are kept whatever the status.
func TestMeasurements(t *testing.T) {
	v := OutboundCall(one(cloudCall(call{heard: func(m *record.Media) { m.JitterMS, m.Lost = 1.5, 2 }}), carrierTakes(call{heard: silent})))
	want := map[string]float64{"cloud packets received": 200, "cloud tone share": 0.98, "cloud jitter": 1.5, "cloud packets lost": 2, "carrier tone share": 0}
	for _, m := range v.Measurements {
		if value, asked := want[m.Name]; asked && value == m.Value {
			delete(want, m.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("not measured: %v in %+v", want, v.Measurements)
	}
}
