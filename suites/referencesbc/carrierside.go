package referencesbc

import (
	"context"

	"byocheck/simulator/sipua"
)

// fromCarrier takes a call of the carrier to the cloud.
func (s *SBC) fromCarrier(in *sipua.Call) {
	s.take(in, func(r *relay) { s.bridge(in, r.carrier, r.cloud, s.callCloud) })
}

// callCarrier calls number at the carrier.
func (s *SBC) callCarrier(ctx context.Context, number, caller string, offer func() ([]byte, error), ring func(*sipua.Call, int)) (*sipua.Call, error) {
	body, err := offer()
	if err != nil {
		return nil, err
	}
	call, _, err := s.invite(ctx, s.carrier, s.udp.To(s.Carrier),
		sipua.Invitation{To: number, From: caller, Host: s.Carrier.String(), SDP: body}, ring)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return call, err
}
