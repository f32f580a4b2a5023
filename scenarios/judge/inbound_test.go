package judge

func inboundCases() []expected {
	good := call{}
	offer := func(name string, status Status, says string, x call) expected {
		return expected{"offer: " + name, one(carrierCall(good), cloudTakes(x)), status, []string{says}, []string{"sip.message"}}
	}
	srtp := func(lines ...string) string { return description(stream("RTP/SAVP", lines...)) }
	refused := device("lb01", hello, alert("unknown_ca"))
	cases := []expected{
		{"heard both ways", one(carrierCall(good), cloudTakes(good)), Pass, []string{"connected with " + MandatorySuite, "98 %"}, []string{"media"}},
		{"after a call of the attempt before", one(earlier(cloudTakes(call{number: 3})), lateEnd(3, "callee"), carrierCall(good), cloudTakes(good)), Pass, nil, nil},
		{"beside a call to another number", one(cloudTakes(call{number: 4, called: "911", status: 404, offer: description(stream("RTP/AVP"))}), carrierCall(good), cloudTakes(good)), Pass, nil, nil},
		{"with another offer within the call", one(carrierCall(good), cloudTakes(call{again: []string{description(stream("RTP/AVP"))}})), Pass, nil, nil},
		{"with several suites offered", one(carrierCall(good), cloudTakes(call{offer: srtp(keyed(1, "AEAD_AES_256_GCM"), keyed(2, MandatorySuite))})), Pass, nil, nil},

		{"not connected at the cloud", one(carrierCall(call{status: 487}), cloudTakes(call{status: -1})), Fail, []string{"not connected from end to end", "At the carrier: final response 487"}, []string{"call"}},
		{"not connected at the carrier", one(carrierCall(call{status: -1}), cloudTakes(good)), Fail, []string{"At the cloud: answered.", "At the carrier: no final response"}, []string{"call"}},
		{"device gives up at once", one(carrierCall(call{status: 500}), cloudTakes(call{failure: "the connection ended"})), Fail, []string{"At the cloud: the connection ended."}, nil},
		{"the cloud cannot take the call", one(carrierCall(call{status: 500}), cloudTakes(call{status: 500})), Error, []string{"could not take the call and answered 500"}, []string{"call"}},
		{"call matched twice", one(carrierCall(good), cloudTakes(good), cloudTakes(call{number: 2})), Inconclusive, []string{"2 calls", "Reserve the numbers"}, nil},
		{"call matched twice, the one before the other's end", one(carrierCall(good), interleaved(2)), Inconclusive, []string{"2 calls"}, nil},
		{"call matched three times", one(carrierCall(good), interleaved(3)), Inconclusive, []string{"3 calls"}, nil},

		offer("RTP/AVP", Fail, "RTP/AVP instead of RTP/SAVP", call{offer: description(stream("RTP/AVP")), status: 488}),
		offer("RTP/AVP with a=crypto", Fail, "RTP/AVP instead of RTP/SAVP", call{offer: description(stream("RTP/AVP", mandatory)), status: 488}),
		offer("another suite only", Fail, "no a=crypto line with "+MandatorySuite, call{offer: srtp(keyed(1, "AES_CM_128_HMAC_SHA1_32")), status: 488}),
		offer("encryption switched off", Fail, "switches encryption or authentication off", call{offer: srtp(keyed(1, MandatorySuite, "UNENCRYPTED_SRTP")), status: 488}),
		offer("authentication switched off", Fail, "switches encryption or authentication off", call{offer: srtp(keyed(1, MandatorySuite, "UNAUTHENTICATED_SRTP")), status: 488}),
		offer("first weak, then right", Pass, "98 %", call{offer: srtp(keyed(1, MandatorySuite, "UNENCRYPTED_SRTP"), keyed(2, MandatorySuite))}),
		offer("delayed", Inconclusive, "delayed offer", call{offer: "none", status: 488}),
		{"SIP not recorded", one(carrierCall(good), cloudTakes(call{lost: true})), Error, []string{"recorded no INVITE"}, nil},

		{"no agent at the carrier", with(one(cloudTakes(good)), noCarrier), Inconclusive, []string{"no agent on the device's other side", "numbers.inbound"}, nil},
		{"no agent at the carrier, silence", with(one(cloudTakes(call{heard: silent})), noCarrier), Inconclusive, []string{"no agent on the device's other side"}, nil},
		{"no agent at the carrier, clear RTP", with(one(cloudTakes(call{heard: unprotected})), noCarrier), Fail, []string{"clear RTP"}, nil},

		{"device refuses our certificate", one(carrierCall(call{status: 503}), refused), Fail, []string{"tried 1 TLS connection(s) to lb01", "unknown_ca", "503", "certs export"}, []string{"tls.alert", "call"}},
		{"device fails on all", one(refused, device("lb02", hello, rst, failed)), Fail, []string{"tried 2", "lb01, lb02"}, []string{"tls.alert", "tcp.closed"}},
		{"connected, but no call", one(carrierCall(call{status: 404}), came("lb01")), Inconclusive, []string{"is connected to lb01 over TLS, but no call", "final response 404", "Route the numbers"}, []string{"call"}},
		{"connected from before, but no call", one(carrierCall(call{status: 404}), standing(sends("OPTIONS"))), Inconclusive, []string{"is connected to lb03 over TLS, but no call"}, nil},
		{"call to another number", one(carrierCall(call{status: 404}), cloudTakes(call{called: "100", status: 404})), Inconclusive, []string{`another number instead: "100"`}, nil},
		{"device idle", one(carrierCall(call{status: 480})), Inconclusive, []string{"Nothing of the device", "final response 480"}, []string{"call"}},
		{"only foreign connections", one(carrierCall(call{status: 480}), foreign), Inconclusive, []string{"203.0.113.9"}, nil},
		{"only on the former profile's connection", one(carrierCall(call{status: 480}), earlier(cloudTakes(good))), Inconclusive, []string{"Nothing of the device"}, nil},
		{"truncated", one(carrierCall(good), refused, flooded), Inconclusive, []string{"17 events"}, nil},
		{"call could not be placed", one(stimulusEnded("no route to host")), Error, []string{"could not be placed: no route to host"}, []string{"stimulus"}},
	}
	return append(cases, heardCases(func(cloud, carrier call) Case { return one(carrierCall(carrier), cloudTakes(cloud)) })...)
}

// interleaved are calls to the cloud of which none ends before the last began.
func interleaved(calls int) step {
	return device("lb01", handshake, func(w *wire, l link) {
		for range 2 {
			for i := range calls {
				call{number: uint64(i + 1), cutShort: true}.play(w, l, "cloud", "callee")
			}
		}
	})
}

func plainCases() []expected {
	srtp := stream("RTP/SAVP", mandatory)
	offer := func(name string, status Status, says string, x call) expected {
		return expected{"offer: " + name, one(carrierCall(call{}), cloudTakes(x)), status, []string{says}, []string{"sip.message"}}
	}
	return []expected{
		offer("SRTP", Pass, "RTP/SAVP with "+MandatorySuite, call{}),
		offer("SRTP, the call refused", Pass, "RTP/SAVP", call{status: 488}),
		offer("SRTP with feedback", Pass, "RTP/SAVPF", call{offer: description(stream("RTP/SAVPF", mandatory))}),
		offer("two streams, both SRTP", Pass, "RTP/SAVP, RTP/SAVP", call{offer: description(srtp, srtp)}),
		offer("a plain stream that is not in use", Pass, "RTP/SAVP", call{offer: description(srtp, "m=audio 0 RTP/AVP 0\r\n")}),
		offer("an unused fax stream", Pass, "RTP/SAVP", call{offer: description(srtp, "m=image 0 udptl t38\r\n")}),
		offer("a suite nobody knows", Pass, "LATER_SUITE", call{offer: description(stream("RTP/SAVP", "1 LATER_SUITE inline:abc"))}),
		offer("one weak line, one strong", Pass, "RTP/SAVP", call{offer: description(stream("RTP/SAVP", keyed(1, MandatorySuite, "UNENCRYPTED_SRTP"), keyed(2, MandatorySuite)))}),
		{"beside a plain call to another number", one(cloudTakes(call{number: 4, called: "911", status: 404, offer: description(stream("RTP/AVP"))}), carrierCall(call{}), cloudTakes(call{})), Pass, nil, nil},
		offer("SRTP again within the call", Pass, "RTP/SAVP", call{again: []string{secured}}),

		offer("RTP/AVP", Fail, "a stream is RTP/AVP", call{offer: description(stream("RTP/AVP")), status: 488}),
		offer("RTP/AVP with a=crypto", Fail, "a stream is RTP/AVP", call{offer: description(stream("RTP/AVP", mandatory))}),
		offer("SRTP and a plain stream", Fail, "a stream is RTP/AVP", call{offer: description(srtp, stream("RTP/AVP"))}),
		offer("a plain stream and SRTP", Fail, "SRTP only (not optional", call{offer: description(stream("RTP/AVP"), srtp)}),
		offer("RTP/SAVP without a=crypto", Fail, "no a=crypto line", call{offer: description(stream("RTP/SAVP"))}),
		offer("a=crypto for the session only", Fail, "no a=crypto line", call{offer: description("a=crypto:"+mandatory+"\r\n", stream("RTP/SAVP"))}),
		offer("a broken a=crypto line", Fail, "a=crypto key-salt", call{offer: description(stream("RTP/SAVP", "1 AES_CM_128_HMAC_SHA1_80 inline:short"))}),
		offer("encryption switched off", Fail, "switch encryption or authentication off", call{offer: description(stream("RTP/SAVP", keyed(1, MandatorySuite, "UNENCRYPTED_SRTP")))}),
		offer("no audio stream", Fail, "no audio stream", call{offer: description("m=video 4000 RTP/SAVP 99\r\n")}),
		offer("plain within the call", Fail, "a stream is RTP/AVP", call{again: []string{description(stream("RTP/AVP"))}}),
		{"plain in the second try of the device", one(carrierCall(call{}), cloudTakes(call{status: 488}), cloudTakes(call{number: 2, offer: description(stream("RTP/AVP"))})),
			Fail, []string{"a stream is RTP/AVP"}, nil},

		offer("delayed", Inconclusive, "delayed offer", call{offer: "none"}),
		{"call matched twice", one(carrierCall(call{}), cloudTakes(call{}), cloudTakes(call{number: 2})), Inconclusive, []string{"2 calls"}, nil},
		{"device refuses our certificate", one(carrierCall(call{status: 503}), device("lb01", hello, alert("unknown_ca"))), Inconclusive, []string{"tried 1 TLS connection(s)", "unknown_ca"}, nil},
		{"connected, but no call", one(carrierCall(call{status: 404}), came("lb02")), Inconclusive, []string{"no call with the number's last digits"}, nil},
		{"device idle", one(carrierCall(call{status: 480})), Inconclusive, []string{"Nothing of the device"}, nil},
		{"call could not be placed", one(stimulusEnded("no route to host")), Error, []string{"no route to host"}, nil},
		{"SIP not recorded", one(carrierCall(call{}), cloudTakes(call{lost: true})), Error, []string{"recorded no INVITE"}, nil},
		{"SIP not recorded, truncated", one(carrierCall(call{}), cloudTakes(call{lost: true}), flooded), Inconclusive, []string{"17 events"}, nil},
	}
}
