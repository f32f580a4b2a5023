package judge

import "testing"

var (
	onlyEdge  = Scope{System: Edge, Clause: "byoc-052-edge-org-ca", Why: "the cloud has no organisation"}
	onlyCloud = Scope{System: Cloud, Clause: "byoc-030-handshake-500ms", Why: "none is published for an Edge"}
)

func TestScope(t *testing.T) {
	required := Scope{MediaSecurity: "required", Clause: "byoc-053-edge-media-settings", Why: "here RTP is allowed."}
	for _, tt := range []struct {
		scope    Scope
		system   System
		security string
		in       bool
		says     string
	}{
		{Scope{}, "", "", true, ""},
		{Scope{}, Edge, "off", true, ""},
		{onlyCloud, "", "", true, "Only for BYOC Cloud: none is published for an Edge (byoc-030-handshake-500ms)."},
		{onlyCloud, Cloud, "", true, "Only for BYOC Cloud: none is published for an Edge (byoc-030-handshake-500ms)."},
		{onlyCloud, Edge, "", false, "Only for BYOC Cloud: none is published for an Edge (byoc-030-handshake-500ms)."},
		{onlyEdge, "", "", false, "Only for BYOC Premises: the cloud has no organisation (byoc-052-edge-org-ca)."},
		{onlyEdge, Edge, "off", true, "Only for BYOC Premises: the cloud has no organisation (byoc-052-edge-org-ca)."},
		{required, "", "", true, "Only where media security is required: here RTP is allowed (byoc-053-edge-media-settings)."},
		{required, Edge, "required", true, "Only where media security is required: here RTP is allowed (byoc-053-edge-media-settings)."},
		{required, Edge, "optional", false, "Only where media security is required: here RTP is allowed (byoc-053-edge-media-settings)."},
		{required, Edge, "off", false, "Only where media security is required: here RTP is allowed (byoc-053-edge-media-settings)."},
	} {
		c := Case{System: tt.system, MediaSecurity: tt.security, Scope: tt.scope}
		if c.InScope() != tt.in || tt.scope.String() != tt.says {
			t.Errorf("%+v on %q with media security %q: %v, %q", tt.scope, tt.system, tt.security, c.InScope(), tt.scope.String())
		}
	}
}
