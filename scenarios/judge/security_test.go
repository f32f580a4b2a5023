package judge

import "byocheck/simulator/record"

// trunkWith is a case of an Edge whose trunk has a media security.
func trunkWith(security string, c Case) Case {
	c = atEdge(c)
	c.MediaSecurity = security
	return c
}

// asRTP is what a leg hears where both sides agreed on RTP.
func asRTP(m *record.Media) { m.Encrypted, m.Suite, m.Authenticated = false, "", 0 }

var unsecured = description(stream("RTP/AVP"))

func securedInboundCases() []expected {
	plain := call{offer: unsecured, answer: unsecured, heard: asRTP}
	in := func(security string, x call) Case {
		return trunkWith(security, one(carrierCall(call{}), cloudTakes(x)))
	}
	return []expected{
		{"optional, SRTP offered", in("optional", call{}), Pass, []string{"connected with " + MandatorySuite, "200 packets of the device's SRTP"}, []string{"media"}},
		{"optional, RTP offered", in("optional", plain), Pass, []string{"connected with RTP/AVP, and 200 packets came in the clear", "98 %"}, []string{"media"}},
		{"off, RTP offered", in("off", plain), Pass, []string{"connected with RTP/AVP"}, nil},

		{"required, RTP offered", in("required", call{offer: unsecured, status: 488}), Fail, []string{"RTP/AVP instead of RTP/SAVP"}, []string{"sip.message"}},
		{"off, SRTP offered", in("off", call{status: 488}), Fail, []string{"RTP/SAVP instead of RTP/AVP", "Switch SRTP off"}, []string{"sip.message"}},
		{"optional, SRTP without a key", in("optional", call{offer: description(stream("RTP/SAVP")), status: 488}), Fail, []string{"no a=crypto line"}, nil},
		{"optional, SRTP agreed and clear sent", in("optional", call{heard: unprotected}), Fail, []string{"clear RTP"}, nil},
		{"optional, RTP without G.711", in("optional", call{offer: "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n", status: 488}), Fail, []string{"neither PCMU nor PCMA"}, nil},
		{"optional, RTP and nothing heard", in("optional", call{offer: unsecured, answer: unsecured, heard: func(m *record.Media) { asRTP(m); silent(m) }}), Fail, []string{"silence"}, nil},

		{"optional, SRTP agreed and not used by us", in("optional", call{heard: asRTP}), Error, []string{"the simulator did not use it"}, nil},
		{"off, RTP agreed and SRTP used by us", in("off", call{offer: unsecured, answer: unsecured}), Error, []string{"RTP was agreed, but the simulator used SRTP"}, nil},
		{"off, RTP offered, no agent at the carrier", trunkWith("off", with(one(cloudTakes(plain)), noCarrier)), Inconclusive, []string{"connected with RTP/AVP", "no agent"}, nil},
	}
}

func securedOutboundCases() []expected {
	plain := call{offer: unsecured, answer: unsecured, heard: asRTP}
	out := func(security string, x call) Case {
		return trunkWith(security, one(cloudCall(x), carrierTakes(call{})))
	}
	return []expected{
		{"optional, SRTP answered", out("optional", call{}), Pass, []string{"connected with " + MandatorySuite}, []string{"media"}},
		{"off, RTP answered", out("off", plain), Pass, []string{"connected with RTP/AVP, and 200 packets came in the clear"}, []string{"media"}},

		{"optional, SRTP offered and RTP answered", out("optional", call{answer: unsecured}), Fail, []string{"RTP/AVP instead of RTP/SAVP"}, nil},
		{"off, RTP offered and SRTP answered", out("off", call{offer: unsecured}), Fail, []string{"RTP/SAVP instead of RTP/AVP"}, nil},
		{"off, refused", out("off", call{offer: unsecured, status: 488}), Fail, []string{"final response 488", "allow RTP/AVP and G.711"}, nil},
		{"required, refused", out("required", call{status: 488}), Fail, []string{"allow RTP/SAVP with " + MandatorySuite}, nil},

		{"off, no call at the carrier", trunkWith("off", one(cloudCall(plain))), Inconclusive, []string{"no call arrived at the carrier"}, nil},
	}
}

func trunkSuiteCases() []expected {
	trunk := func(c Case, suites ...uint16) Case {
		c = atEdge(c)
		c.Suites = suites
		return c
	}
	through := device("edge", handshake, sends("INVITE"))
	return []expected{
		{"one in common", trunk(one(through), 0x0035, 0x009d), Pass, []string{"offers 1 of the suites that stay: TLS_RSA_WITH_AES_256_GCM_SHA384"}, []string{"tls.client-hello"}},
		{"none in common, though the specification has it", trunk(one(device("edge", hello, ourAlert, fin)), 0x0035), Fail, []string{"None of the 3 suites", "Enable on the device one of: TLS_RSA_WITH_AES_256_CBC_SHA."}, []string{"tls.client-hello"}},
		{"idle", trunk(one(), 0x0035), Inconclusive, []string{"Nothing of the device"}, nil},
	}
}
