package sipua

import (
	"reflect"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"byocheck/simulator/record"
)

func values(m sip.Message, header string) []string {
	var out []string
	for _, h := range m.GetHeaders(header) {
		out = append(out, h.Value())
	}
	return out
}

const (
	target  = "sip:device@127.0.0.9:5061;transport=tls"
	routeA  = "<sip:a.test;lr>"
	routeB  = "<sip:b.test:5071;transport=tls;lr;x=y>"
	strictA = "<sip:a.test>"
	strictB = "<sip:b.test;lrx>"
	ownLb01 = "<sip:lb01.voice.test:5061;transport=tls;lr>"
)

func TestRouteSet(t *testing.T) {
	for name, tt := range map[string]struct {
		recordRoute []string // header lines of the message that makes the dialog
		uri         string   // Request-URIs of our requests and their Route, by role
		caller      []string
		calleeURI   string
		callee      []string
	}{
		"none":               {nil, target, nil, target, nil},
		"lines":              {[]string{routeA, routeB}, target, []string{routeB, routeA}, target, []string{routeA, routeB}},
		"one line":           {[]string{routeA + ", " + routeB}, target, []string{routeB, routeA}, target, []string{routeA, routeB}},
		"name and parameter": {[]string{`"a, <b>" ` + routeA + ";did=3.1"}, target, []string{routeA}, target, []string{routeA}},
		"strict router":      {[]string{routeB, strictA}, "sip:a.test", []string{routeB, "<" + target + ">"}, target, []string{routeB, strictA}},
		"no lr but lrx":      {[]string{strictB}, "sip:b.test;lrx", []string{"<" + target + ">"}, "sip:b.test;lrx", []string{"<" + target + ">"}},
		"upper case lr":      {[]string{"<sip:a.test;LR>"}, target, []string{"<sip:a.test;LR>"}, target, []string{"<sip:a.test;LR>"}},
	} {
		extra := ""
		for _, r := range tt.recordRoute {
			extra += "Record-Route: " + r + "\n"
		}
		check := func(t *testing.T, r *sip.Request, uri string, routes []string) {
			t.Helper()
			if got := r.Recipient.String(); got != uri {
				t.Errorf("%s goes to %s, want %s", r.Method, got, uri)
			}
			if got := values(r, "Route"); !reflect.DeepEqual(got, routes) {
				t.Errorf("%s has Route\n%v\nwant\n%v", r.Method, got, routes)
			}
		}
		t.Run(name+", caller", func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
				call, invite := begin(d, a, f)
				d.send(reply(invite, 200, extra, answer))
				check(t, d.request("ACK"), tt.uri, tt.caller)
				go call.HangUp(bounded(t))
				bye := d.request("BYE")
				check(t, bye, tt.uri, tt.caller)
				d.send(reply(bye, 200, "", ""))
				over(t, call)
			})
		})
		t.Run(name+", callee", func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
				a.Incoming = func(c *Call) { c.Answer([]byte(answer)) }
				d.send(toAgent("INVITE", "x", toNobody, 1, extra, offer))
				d.response("100 INVITE")
				ok := d.response("200 INVITE")
				if got, want := values(ok, "Record-Route"), list(strings.Join(tt.recordRoute, ",")); len(extra) > 0 && !reflect.DeepEqual(got, want) {
					t.Errorf("the 200 has Record-Route\n%q\nwant\n%q", got, want)
				}
				tag, _ := ok.To().Params.Get("tag")
				d.send(toAgent("ACK", "x", toNobody+";tag="+tag, 1, "", ""))
				call := a.Calls()[0]
				go call.HangUp(bounded(t))
				bye := d.request("BYE")
				check(t, bye, tt.calleeURI, tt.callee)
				if from, to := bye.From().Value(), bye.To().Value(); from != toNobody+";tag="+tag || to != "<sip:+4940@127.0.0.9>;tag=device" {
					t.Errorf("the BYE is from %s to %s", from, to)
				}
				d.send(reply(bye, 200, "", ""))
				over(t, call)
			})
		})
	}
}

func TestRecordRouteOfOurs(t *testing.T) {
	t.Run("in requests", func(t *testing.T) {
		bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
			a.RecordRoute = true
			call, invite := begin(d, a, f)
			if got := values(invite, "Record-Route"); !reflect.DeepEqual(got, []string{ownLb01}) {
				t.Errorf("the INVITE has Record-Route %v", got)
			}
			d.send(reply(invite, 200, "Record-Route: "+routeB+"\nRecord-Route: "+ownLb01, answer))
			// The proxy that we play would take its own Route off.
			if got := values(d.request("ACK"), "Route"); !reflect.DeepEqual(got, []string{routeB}) {
				t.Errorf("the ACK has Route %v", got)
			}
			d.send(toAgent("BYE", call.callID, invite.From().Value(), 9, "Route: "+ownLb01, ""))
			d.response("200 BYE")
			over(t, call)
		})
	})
	t.Run("in responses", func(t *testing.T) {
		bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
			a.RecordRoute = true
			proceed := make(chan struct{})
			a.Incoming = func(c *Call) {
				c.Ring(180, nil)
				<-proceed
				c.Answer([]byte(answer))
			}
			d.send(toAgent("INVITE", "x", toNobody, 1, "Record-Route: "+routeA, offer))
			if got := values(d.response("100 INVITE"), "Record-Route"); got != nil {
				t.Errorf("the 100 has Record-Route %v", got)
			}
			for _, want := range []string{"180 INVITE", "200 INVITE"} {
				r := d.response(want)
				if got := values(r, "Record-Route"); !reflect.DeepEqual(got, []string{ownLb01, routeA}) {
					t.Errorf("the %s has Record-Route %v", want, got)
				}
				if want == "180 INVITE" {
					close(proceed)
					continue
				}
				tag, _ := r.To().Params.Get("tag")
				to := toNobody + ";tag=" + tag
				d.send(toAgent("ACK", "x", to, 1, "", ""), toAgent("BYE", "x", to, 2, "", ""))
			}
			d.response("200 BYE")
		})
	})
}

func TestScheme(t *testing.T) {
	for name, tt := range map[string]struct {
		agent, call string
		want        string // the scheme
		parameter   string
	}{
		"as it is by default": {"", "", "sip", ";transport=tls"},
		"the agent's":         {"sips", "", "sips", ""}, // RFC 3261 26.2.2: TLS by itself
		"the call's":          {"", "sips", "sips", ""},
		"the call's against":  {"sips", "sip", "sip", ";transport=tls"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
				a.Scheme = tt.agent
				call, err := a.Call(f, Invitation{To: "+1", From: "+4940", Host: "sbc.test", Scheme: tt.call})
				if err != nil {
					t.Fatal(err)
				}
				invite := d.request("INVITE")
				contact := "<" + tt.want + ":+4940@lb01.voice.test:5061" + tt.parameter + ">"
				if got := invite.GetHeader("Contact").Value(); got != contact {
					t.Errorf("Contact is %s, want %s", got, contact)
				}
				if got, want := invite.GetHeader("To").Value(), "<"+tt.want+":+1@sbc.test>"; got != want {
					t.Errorf("To is %s, want %s", got, want)
				}
				if got, want := invite.Recipient.String(), tt.want+":+1@sbc.test"+tt.parameter; got != want {
					t.Errorf("Request-URI is %s, want %s", got, want)
				}
				d.send(reply(invite, 200, "", answer))
				d.request("ACK")
				d.send(toAgent("UPDATE", call.callID, invite.From().Value(), 1, "", ""))
				if got := d.response("200 UPDATE").GetHeader("Contact").Value(); got != contact {
					t.Errorf("Contact becomes %s, was %s", got, contact)
				}
			})
		})
	}
	t.Run("theirs", func(t *testing.T) {
		bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
			a.Incoming = func(c *Call) { c.Ring(180, nil) }
			d.send(strings.Replace(toAgent("INVITE", "x", toNobody, 1, "", offer), "INVITE sip:+13175550100@lb01.voice.test:5061;transport=tls", "INVITE sips:+13175550100@lb01.voice.test", 1))
			d.response("100 INVITE")
			if got := d.response("180 INVITE").GetHeader("Contact").Value(); got != "<sips:+13175550100@lb01.voice.test:5061>" {
				t.Errorf("Contact is %s", got)
			}
		})
	})
}

func TestDialled(t *testing.T) {
	for user, want := range map[string]string{
		"+13175550100": "+13175550100",
		"+13175550100;tgrp=home;trunk-context=voice.test": "+13175550100",
		"":             "",
		"alice:secret": "alice",
	} {
		bubble(t, func(t *testing.T, a *Agent, d *device, f *Flow) {
			at := "@"
			if user == "" {
				at = ""
			}
			d.send(strings.Replace(toAgent("INVITE", "x", toNobody, 1, "", offer), "sip:+13175550100@lb01", "sip:"+user+at+"lb01", 1))
			d.response("404 INVITE")
			d.send(toAgent("ACK", "x", toNobody, 1, "", ""))
			if got := wait(t, a.Recorder, 0, state("invited")); got.Number != want || got.By != record.Device {
				t.Errorf("user part %q: recorded %+v", user, got)
			}
		})
	}
}
