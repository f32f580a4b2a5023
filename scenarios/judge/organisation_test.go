package judge

import "byocheck/simulator/record"

// atEdge is a case of a lab with an Edge.
func atEdge(c Case) Case {
	c.System, c.Region, c.Names = Edge, "", []string{"edge01.customer.test"}
	return c
}

func organisationCases() []expected {
	through := device("edge", handshake, sends("INVITE"))
	refusal := device("edge", hello, alert("unknown_ca"))
	// instead is what the device made of the Edge under roots of the cloud.
	instead := func(c Case, controls ...record.Attempt) Case {
		c.Control = controls
		return atEdge(c)
	}
	return []expected{
		{"came through", atEdge(one(through)), Pass, []string{"completed the handshake with the Edge", "SIP INVITE"}, []string{"tls.record"}},
		{"came through after a refusal", atEdge(one(refusal, through)), Pass, nil, nil},

		{"trusts a root of the cloud instead", instead(one(refusal), attempt("under-high-assurance-ev", came("edge"))), Fail,
			[]string{"alert unknown_ca", `the certificate "under-high-assurance-ev"`, "certs export --premises", "Configure certificate authorities"}, []string{"tls.alert", "tls.record"}},
		{"trusts the last of the cloud's roots", instead(one(device("edge", handshake, sealedAlert("bad_certificate"))), attempt("a", refusal), attempt("b", refusal), attempt("under-global-g3", came("edge"))), Fail,
			[]string{"after the handshake", `"under-global-g3"`}, nil},

		{"refuses it under every root", instead(one(refusal), attempt("a", refusal), attempt("b", refusal)), Inconclusive, []string{"under the cloud's roots it did not come through either"}, []string{"tls.alert"}},
		{"refuses, and nothing else was shown", instead(one(refusal)), Inconclusive, []string{"not shown that this is for the root"}, nil},
		{"under the cloud's root it is idle", instead(one(refusal), attempt("a")), Inconclusive, nil, nil},
		{"idle", atEdge(one()), Inconclusive, []string{"did not try"}, nil},
		{"idle, though it trusts the cloud", instead(one(), attempt("a", came("edge"))), Inconclusive, []string{"did not try"}, nil},
		{"cut by us", instead(one(device("edge", hello, cut)), attempt("a", came("edge"))), Inconclusive, []string{"We could not go on"}, nil},
		{"truncated", instead(one(refusal, flooded), attempt("a", came("edge"))), Inconclusive, []string{"17 could not be kept"}, nil},
	}
}
