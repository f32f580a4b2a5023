package trust_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"byocheck/certs"
	"byocheck/certs/trust"
)

// TestProfiles: the lab's wrong certificates, in the hands of a device. The step
// is the one for which Genesys as documented refuses; none where it does not.
func TestProfiles(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	lab, err := certs.Open(t.TempDir(), certs.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	authority, err := lab.DeviceAuthority()
	if err != nil {
		t.Fatal(err)
	}
	const target = "sbc.customer.test"
	names := certs.Names{CN: target, DNS: []string{target}, IP: []netip.Addr{netip.MustParseAddr("192.0.2.7")}}

	type outcome struct {
		refused trust.Step   // none: not refused
		warned  []trust.Step // beside that of revocation: the certificates carry no addresses here
	}
	want := map[certs.Profile]outcome{
		certs.Healthy:             {},
		certs.RotatedLeaf:         {},
		certs.RotatedIntermediate: {},

		certs.Expired:             {refused: trust.StepDates},
		certs.NotYetValid:         {refused: trust.StepDates},
		certs.ExpiredIntermediate: {refused: trust.StepDates},
		certs.ExpiresSoon:         {warned: []trust.Step{trust.StepExpiry}},

		certs.SANMismatch:     {refused: trust.StepName},
		certs.OtherRegion:     {refused: trust.StepName},
		certs.RightCNWrongSAN: {}, // the specification takes the name as common name or alternative name
		certs.CNOnly:          {},
		certs.WildcardSAN:     {refused: trust.StepName},
		certs.IPSAN:           {refused: trust.StepName},
		certs.IPAsDNS:         {refused: trust.StepName},
		certs.IPAsCN:          {refused: trust.StepName},
		certs.URISAN:          {refused: trust.StepName},
		certs.URIBesideDNS:    {},
		certs.SRVNameSAN:      {refused: trust.StepName},
		certs.UpperCaseSAN:    {},
		certs.TrailingDotSAN:  {},

		certs.SelfSigned:             {refused: trust.StepChain},
		certs.UntrustedRoot:          {refused: trust.StepChain},
		certs.MissingIntermediate:    {refused: trust.StepChain},
		certs.WrongOrder:             {warned: []trust.Step{trust.StepChain}},
		certs.SuperfluousRoot:        {},
		certs.IntermediateNotCA:      {refused: trust.StepChain},
		certs.PathLengthExceeded:     {refused: trust.StepChain},
		certs.NameConstraintsExclude: {refused: trust.StepChain},

		certs.NoServerAuth:      {refused: trust.StepUsage},
		certs.WithClientAuth:    {},
		certs.NoEKU:             {},
		certs.NoKeyEncipherment: {warned: []trust.Step{trust.StepUsage}},

		certs.SHA1Signature:    {refused: trust.StepStrength},
		certs.MD5Signature:     {refused: trust.StepStrength},
		certs.UnknownSignature: {refused: trust.StepChain}, // it cannot be verified
		certs.RSA1024:          {refused: trust.StepStrength},
		certs.RSA3072:          {},
		certs.RSA4096:          {},
		certs.ECDSALeaf:        {refused: trust.StepStrength},
	}
	for _, info := range certs.Profiles() {
		expected, known := want[info.Profile]
		delete(want, info.Profile)
		if !known {
			t.Errorf("%s: it is not said what Genesys does with it", info.Profile)
			continue
		}
		t.Run(string(info.Profile), func(t *testing.T) {
			chain, err := authority.Chain(info.Profile, names)
			if err != nil {
				t.Fatal(err)
			}
			r := trust.Evaluate(trust.Presented{
				Chain: chain.Certificate, Target: target, Now: now, Edition: trust.Newer, Roots: [][]byte{lab.DeviceRoot().Raw}, Answers: []trust.Answer{},
			})
			f, refused := r.Refused()
			if f.Step != expected.refused {
				t.Errorf("refused for %q (%s), want %q", f.Step, f.Observed, expected.refused)
			}
			if disagree := refused && info.Expect == certs.Accept || !refused && info.Expect == certs.Refuse; disagree {
				t.Errorf("refused %v, but the profile says %s", refused, info.Expect)
			}
			for _, f := range r.Findings {
				if warned := f.Grade == trust.Warn && f.Step != trust.StepRevocation; warned != slices.Contains(expected.warned, f.Step) {
					t.Errorf("%s is %s: %s", f.Step, f.Grade, f.Observed)
				}
			}
			if !refused && !r.Lab {
				t.Errorf("it leads to %q, which is none of the lab's", r.Anchor)
			}
		})
	}
	for p := range want {
		t.Errorf("there is no profile %s", p)
	}
}
