package config

import (
	"errors"
	"net/netip"
	"testing"
)

// check reads a file and validates it, as a run does.
func check(file string) error {
	c, err := decode("b.yaml", []byte(file))
	if err == nil {
		err = c.Validate()
	}
	return err
}

func TestFiles(t *testing.T) {
	const lo = "target: 127.0.0.20\n" // a first line with which the rest is complete
	for _, tt := range []struct{ name, file, want string }{
		{"nothing at all", "",
			`target: missing; give the name on the trunk as --target or TARGET=sbc.example.com:5061, or as target: in byocheck.yaml`},
		{"only comments", "# target: x\n",
			`target: missing; give the name on the trunk as --target or TARGET=sbc.example.com:5061, or as target: in byocheck.yaml`},
		{"minimal", lo,
			""},
		{"bom and crlf", "\ufefftarget: 127.0.0.20\r\nregion: usw2\r\n",
			""},
		{"yaml marker", "%YAML 1.2\n---\n" + lo,
			""},
		{"text", "sbc.example.com",
			`b.yaml:1:1: text instead of keys and values; write lines of key: value; the keys here are advertise, carrier, connect, declared, device, dns, edge, edition, handshakes, known-failures, listen, media, numbers, offline, region, revocation, root, scheme, srv-domain, state, target, timeouts, trigger`},
		{"list", "- target: a\n",
			`b.yaml:1:1: a list instead of keys and values; write lines of key: value; the keys here are advertise, carrier, connect, declared, device, dns, edge, edition, handshakes, known-failures, listen, media, numbers, offline, region, revocation, root, scheme, srv-domain, state, target, timeouts, trigger`},
		{"unclosed bracket", "target: a\nlisten: [127.0.1.1:5061\n",
			`b.yaml:2:9: not YAML: sequence end token ']' not found; indent with spaces, and quote a value that has brackets or a colon and a space`},
		{"tab", "carrier:\n\tlisten: x\n",
			`b.yaml:2:1: not YAML: found character '\t' that cannot start any token; indent with spaces, and quote a value that has brackets or a colon and a space`},
		{"unquoted brackets", "target: [::1]:5061\n",
			`b.yaml:1:14: not YAML: value is not allowed in this context; indent with spaces, and quote a value that has brackets or a colon and a space`},
		{"two documents", lo + "---\n" + lo,
			`b.yaml:3:1: second document in one file; leave out the line ---`},
		{"deep", "listen: " + "[[[[[[[[[[[[[[[[[",
			`b.yaml:1:25: more than 16 brackets inside each other; remove some`},
		{"not utf-8", "target: \xff\n",
			`b.yaml:1:9: not UTF-8 text; save it as UTF-8, or name another file`},
		{"duplicate key", lo + lo,
			`b.yaml:2:1: not YAML: mapping key "target" already defined at [1:1]; leave one of them out`},
		{"mistyped key", "taget: 127.0.0.20",
			`b.yaml:1:1: unknown key "taget"; did you mean "target"?`},
		{"mistyped nested key", lo + "carrier:\n  listne: 127.0.2.1:5060\n",
			`b.yaml:3:3: carrier: unknown key "listne"; did you mean "listen"?`},
		{"too many handshakes", lo + "handshakes: {parallel: [10, 5000]}",
			`b.yaml:2:29: handshakes.parallel[1]: bad count of handshakes "5000"; write a number from 5 to 1000`},
		{"no handshakes", lo + "handshakes: {count: 4}",
			`b.yaml:2:21: handshakes.count: bad count of handshakes "4"; write a number from 5 to 1000`},
		{"unknown key", lo + "timeouts: {watchdog: 3s}",
			`b.yaml:2:12: timeouts: unknown key "watchdog"; the keys here are attempt, call, connect, handshake`},
		{"anchor", "target: &t 127.0.0.20",
			`b.yaml:1:9: target: an anchor or alias instead of a value; write the value itself, in quotes if it begins with one of [{*&!`},
		{"alias", "target: 127.0.0.20\nconnect: *t",
			`b.yaml:2:10: connect: an anchor or alias instead of a value; write the value itself, in quotes if it begins with one of [{*&!`},
		{"merge", lo + "<<: {region: use1}",
			`b.yaml:2:1: an anchor or alias instead of a value; write the value itself, in quotes if it begins with one of [{*&!`},
		{"tag", "target: !!str 127.0.0.20",
			`b.yaml:1:9: target: a tag instead of a value; write the value itself, in quotes if it begins with one of [{*&!`},
		{"complex key", "? target\n: 127.0.0.20\n",
			`b.yaml:1:1: a complex key instead of a value; write the value itself, in quotes if it begins with one of [{*&!`},
		{"no value", "target:\n",
			`b.yaml:1:9: target: no value; write one or leave the key out`},
		{"list for a value", "target: [127.0.0.20]",
			`b.yaml:1:9: target: a list instead of a value; write the value itself, in quotes if it begins with one of [{*&!`},
		{"value for a list", lo + "listen: 127.0.1.1:5061",
			`b.yaml:2:9: listen: text instead of a list; write [a, b] or lines that begin with "- "`},
		{"list in a list", lo + "listen: [[127.0.1.1:5061]]",
			`b.yaml:2:10: listen[0]: a list instead of a value; write the value itself, in quotes if it begins with one of [{*&!`},
		{"value for a group", lo + "device: kamailio",
			`b.yaml:2:9: device: text instead of keys and values; write lines of key: value; the keys here are crls, firmware, model, provision, recovery, reset, sources, vendor`},
		{"target missing", "region: use1",
			`target: missing; give the name on the trunk as --target or TARGET=sbc.example.com:5061, or as target: in byocheck.yaml`},
		{"target uri", "target: sip:sbc.example.com:5061",
			`b.yaml:1:9: target: "sip:sbc.example.com:5061" is a URI; leave out "sip:" and write only host:port`},
		{"target url", "target: https://sbc.example.com",
			`b.yaml:1:9: target: "https://sbc.example.com" is a URI; leave out "https://" and write only host:port`},
		{"target host sip", "target: sip:5061\nconnect: 127.0.0.20:5061",
			""},
		{"target user", "target: alice@sbc.example.com",
			`b.yaml:1:9: target: "alice@sbc.example.com" has a user part; write only what follows the @, "sbc.example.com"`},
		{"target params", "target: sbc.example.com;transport=tls",
			`b.yaml:1:9: target: "sbc.example.com;transport=tls" is more than host:port; write a host name and port, such as sbc.example.com:5061`},
		{"target port word", "target: sbc.example.com:sips",
			`b.yaml:1:9: target: bad port "sips"; write a number from 1 to 65535`},
		{"target port zero", "target: sbc.example.com:0",
			`b.yaml:1:9: target: bad port "0"; write a number from 1 to 65535`},
		{"target port big", "target: sbc.example.com:65536",
			`b.yaml:1:9: target: bad port "65536"; write a number from 1 to 65535`},
		{"target port empty", "target: 'sbc.example.com:'",
			`b.yaml:1:9: target: bad port ""; write a number from 1 to 65535`},
		{"target no host", "target: ':5061'",
			`b.yaml:1:9: target: no host name before the port; write sbc.example.com:5061`},
		{"target underscore", "target: my_sbc.example.com",
			`b.yaml:1:9: target: bad host name "my_sbc.example.com" at "my_sbc"; write labels of 1 to 63 letters, digits and inner hyphens`},
		{"target space", "target: sbc .example.com",
			`b.yaml:1:9: target: bad host name "sbc .example.com" at "sbc "; write labels of 1 to 63 letters, digits and inner hyphens`},
		{"target dots", "target: sbc..example.com",
			`b.yaml:1:9: target: bad host name "sbc..example.com" at ""; write labels of 1 to 63 letters, digits and inner hyphens`},
		{"target trailing dot", "target: sbc.example.com.",
			`b.yaml:1:9: target: "sbc.example.com." ends in a dot; leave it out`},
		{"target bad v4", "target: 127.0.0.256",
			`b.yaml:1:9: target: "127.0.0.256" is neither an IPv4 address nor a host name; write one of them`},
		{"target bare v6", "target: 2001:db8::1",
			`b.yaml:1:9: target: "2001:db8::1" is an IPv6 address without brackets; write [2001:db8::1]:5061`},
		{"target v6", "target: '[::1]:5061'",
			""},
		{"target v6 no port", "target: '[::1]'",
			""},
		{"target bad v6", "target: '[::g]:5061'",
			`b.yaml:1:9: target: "::g" is not an IPv6 address; write one in the brackets, such as [2001:db8::1]:5061`},
		{"target open bracket", "target: '[::1'",
			`b.yaml:1:9: target: "[::1" has no closing bracket; write [address]:port`},
		{"target bracket junk", "target: '[::1]5061'",
			`b.yaml:1:9: target: "[::1]5061" has "5061" after the bracket; write [address]:port`},
		{"target colons", "target: a:b:c",
			`b.yaml:1:9: target: "a:b:c" has more than one colon; write name:port, or [address]:port for IPv6`},
		{"target newline", "target: \"a\\nb\"",
			`b.yaml:1:9: target: bad host name "a\nb" at "a\nb"; write labels of 1 to 63 letters, digits and inner hyphens`},
		{"connect no port", lo + "connect: 127.0.0.20",
			`b.yaml:2:10: connect: no port in "127.0.0.20"; write 127.0.0.20:5061`},
		{"connect name", lo + "connect: sbc.example.com:5061",
			`b.yaml:2:10: connect: bad address "sbc.example.com:5061"; write an IP address and a port from 1 to 65535, such as 127.0.0.20:5061`},
		{"connect is ours", lo + "connect: 127.0.1.2:5061",
			`b.yaml:2:10: connect: 127.0.1.2:5061 is also the address of lb02 in listen; write the device's own address`},
		{"region", lo + "region: US East",
			`b.yaml:2:9: region: bad region "US East"; write a short code such as use1`},
		{"edition", lo + "edition: 2024",
			`b.yaml:2:10: edition: unknown edition "2024"; write older, newer, or after-deprecation for the newer one without the suites whose removal it announces`},
		{"edition after-deprecation", lo + "edition: after-deprecation",
			""},
		{"scheme", lo + "scheme: tel",
			`b.yaml:2:9: scheme: unknown scheme "tel"; write sip, for sip: URIs with ;transport=tls, or sips`},
		{"srv-domain empty", lo + "srv-domain: ''",
			`b.yaml:2:13: srv-domain: no text; write some or leave the key out`},
		{"root empty", lo + "root: ' '",
			`b.yaml:2:7: root: no text; write some or leave the key out`},
		{"state", lo + "state: ''",
			`b.yaml:2:8: state: bad path ""; write one or leave the key out`},
		{"three listen", lo + "listen: [127.0.1.1:5061, 127.0.1.2:5061, 127.0.1.3:5061]",
			`b.yaml:2:9: listen: 3 addresses for four proxies; write four, such as [127.0.1.1:5061, 127.0.1.2:5061, 127.0.1.3:5061, 127.0.1.4:5061], or one with four ports`},
		{"same listen", lo + "listen: [127.0.1.1:5061, 127.0.1.2:5061, 127.0.1.3:5061, 127.0.1.1:5061]",
			`b.yaml:2:58: listen[3]: 127.0.1.1:5061 stands there twice; write four that differ in address or port`},
		{"listen no port", lo + "listen:\n  - 127.0.1.1:5061\n  - 127.0.1.2\n",
			`b.yaml:4:5: listen[1]: no port in "127.0.1.2"; write 127.0.1.2:5061`},
		{"advertise everything", lo + "listen: [0.0.0.0:5061, 0.0.0.0:5062, 0.0.0.0:5063, 0.0.0.0:5064]",
			`advertise[0]: 0.0.0.0:5061 is not an address that a device can call; write under advertise the addresses it should use`},
		{"advertise two", lo + "advertise: [127.0.1.1:5061, 127.0.1.2:5061]",
			`b.yaml:2:12: advertise: 2 addresses for four proxies; write four, such as [127.0.1.1:5061, 127.0.1.2:5061, 127.0.1.3:5061, 127.0.1.4:5061], or one with four ports`},
		{"dns", lo + "dns: 127.0.1.53",
			`b.yaml:2:6: dns: no port in "127.0.1.53"; write 127.0.1.53:53`},
		{"media port", lo + "media: 127.0.3.1:4000",
			`b.yaml:2:8: media: "127.0.3.1:4000" has a port; write only 127.0.3.1, ports are chosen for each call`},
		{"media listen", lo + "media: 127.0.1.4",
			`b.yaml:2:8: media: 127.0.1.4 is also a signalling address in listen; write an address of this host that carries no signalling, such as 127.0.3.1`},
		{"media carrier", lo + "media: 127.0.2.1",
			`b.yaml:2:8: media: 127.0.2.1 is also carrier.listen; write an address of this host that carries no signalling, such as 127.0.3.1`},
		{"media word", lo + "media: here",
			`b.yaml:2:8: media: bad address "here"; write an IP address such as 127.0.3.1`},
		{"revocation word", lo + "revocation: none",
			`b.yaml:2:13: revocation: text instead of keys and values; write lines of key: value; the keys here are advertise, listen`},
		{"revocation key", lo + "revocation: {adress: 127.0.1.80:8088}",
			`b.yaml:2:14: revocation: unknown key "adress"; the keys here are advertise, listen`},
		{"revocation listen no port", lo + "revocation: {listen: 127.0.1.80}",
			`b.yaml:2:22: revocation.listen: no port in "127.0.1.80"; write 127.0.1.80:8088`},
		{"revocation listen name", lo + "revocation: {listen: 'crl.lab.test:8088'}",
			`b.yaml:2:22: revocation.listen: bad address "crl.lab.test:8088"; write an IP address and a port from 1 to 65535, such as 127.0.0.20:8088`},
		{"revocation listen port zero", lo + "revocation: {listen: 127.0.1.80:0}",
			`b.yaml:2:22: revocation.listen: bad address "127.0.1.80:0"; write an IP address and a port from 1 to 65535, such as 127.0.0.20:8088`},
		{"revocation advertise", lo + "revocation: {advertise: 'crl.lab.test:80'}",
			""},
		{"revocation advertise v6", lo + "revocation: {advertise: '[2001:db8::1]:80'}",
			""},
		{"revocation advertise no port", lo + "revocation: {advertise: crl.lab.test}",
			`b.yaml:2:25: revocation.advertise: bad address "crl.lab.test"; write host:port as the device can reach it, such as crl.example.test:8088`},
		{"revocation advertise port word", lo + "revocation: {advertise: 'crl.lab.test:http'}",
			`b.yaml:2:25: revocation.advertise: bad address "crl.lab.test:http"; write host:port as the device can reach it, such as crl.example.test:8088`},
		{"revocation advertise port zero", lo + "revocation: {advertise: 'crl.lab.test:0'}",
			`b.yaml:2:25: revocation.advertise: bad address "crl.lab.test:0"; write host:port as the device can reach it, such as crl.example.test:8088`},
		{"revocation advertise no host", lo + "revocation: {advertise: ':80'}",
			`b.yaml:2:25: revocation.advertise: bad address ":80"; write host:port as the device can reach it, such as crl.example.test:8088`},
		{"revocation advertise URL", lo + "revocation: {advertise: 'http://crl.lab.test:80'}",
			`b.yaml:2:25: revocation.advertise: bad address "http://crl.lab.test:80"; write host:port as the device can reach it, such as crl.example.test:8088`},
		{"revocation advertise user", lo + "revocation: {advertise: 'a@crl.lab.test:80'}",
			`b.yaml:2:25: revocation.advertise: bad address "a@crl.lab.test:80"; write host:port as the device can reach it, such as crl.example.test:8088`},
		{"offline", lo + "offline: false",
			""},
		{"offline word", lo + "offline: yes",
			`b.yaml:2:10: offline: bad value "yes"; write true or false`},
		{"offline null", lo + "offline:",
			`b.yaml:2:10: offline: no value; write one or leave the key out`},
		{"provision empty", lo + "device: {provision: ''}",
			`b.yaml:2:21: device.provision: no text; write some or leave the key out`},
		{"crls empty", lo + "device: {crls: ' '}",
			`b.yaml:2:16: device.crls: no text; write some or leave the key out`},
		{"carrier none", lo + "carrier: none",
			""},
		{"carrier word", lo + "carrier: yes",
			`b.yaml:2:10: carrier: neither a carrier nor its absence; write none, or lines such as listen: 127.0.2.1:5060 below carrier:`},
		{"carrier null", lo + "carrier:",
			`b.yaml:2:10: carrier: neither a carrier nor its absence; write none, or lines such as listen: 127.0.2.1:5060 below carrier:`},
		{"carrier tcp", lo + "carrier: {transport: tcp}",
			`b.yaml:2:22: carrier.transport: unknown transport "tcp"; write udp, the only one there is`},
		{"carrier itself", lo + "carrier: {device: 127.0.2.1:5060}",
			`b.yaml:2:19: carrier.device: 127.0.2.1:5060 is also carrier.listen; write where the device takes calls from the carrier`},
		{"carrier bad", lo + "carrier: {listen: 127.0.2.1:99999}",
			`b.yaml:2:19: carrier.listen: bad address "127.0.2.1:99999"; write an IP address and a port from 1 to 65535, such as 127.0.0.20:5060`},
		{"source bits", lo + "device: {sources: [127.0.0.1/8]}",
			`b.yaml:2:20: device.sources[0]: "127.0.0.1/8" is not the start of its network; write 127.0.0.0/8 or 127.0.0.1/32`},
		{"source word", lo + "device:\n  sources: [all]",
			`b.yaml:3:13: device.sources[0]: bad network "all"; write address/bits, such as 127.0.0.0/8`},
		{"recovery unit", lo + "device: {recovery: 120}",
			`b.yaml:2:20: device.recovery: no unit in "120"; write 120s for seconds`},
		{"recovery negative", lo + "device: {recovery: -1s}",
			`b.yaml:2:20: device.recovery: bad duration "-1s"; write one greater than zero, such as 40s or 500ms`},
		{"reset empty", lo + "device: {reset: ' '}",
			`b.yaml:2:17: device.reset: no text; write some or leave the key out`},
		{"number letters", lo + "numbers: {inbound: [+1-317-555]}",
			`b.yaml:2:21: numbers.inbound[0]: bad number "+1-317-555"; write digits only, with an optional + in front, such as "+13175550100"`},
		{"number short", lo + "numbers: {inbound: [\"100\"]}",
			`b.yaml:2:21: numbers.inbound[0]: "100" has 3 digits, fewer than the 7 that identify a call; write it in full or set numbers.match to 3 or less`},
		{"number clash", lo + "numbers:\n  inbound: [\"+13175550100\"]\n  outbound:\n    - \"+14165550100\"\n",
			`b.yaml:5:7: numbers.outbound[0]: "+14165550100" ends in the same 7 digits as "+13175550100"; write numbers that differ there, or raise numbers.match`},
		{"number clash expected", lo + "numbers: {inbound: [3175550100, 3175550101], inbound-expected: [3175550100, 3185550100]}",
			`b.yaml:2:77: numbers.inbound-expected[1]: "3185550100" ends in the same 7 digits as "3175550100"; write numbers that differ there, or raise numbers.match`},
		{"expected count", lo + "numbers: {inbound: [3175550100, 3175550101], inbound-expected: [3175550100]}",
			`b.yaml:2:64: numbers.inbound-expected: 1 entries, but numbers.inbound has 2; write one for each, in the same order`},
		{"match", lo + "numbers: {match: 0}",
			`b.yaml:2:18: numbers.match: bad count of digits "0"; write a number from 1 to 15`},
		{"declared list", lo + "declared: [no-carrier-rtp]",
			`b.yaml:2:11: declared: a list instead of keys and values; write lines of name: value`},
		{"declared no reason", lo + "declared:\n  no-carrier-rtp:\n",
			`b.yaml:3:19: declared.no-carrier-rtp: no reason; write why the device does not have it, such as "no media on this trunk"`},
		{"timeout word", lo + "timeouts: {attempt: soon}",
			`b.yaml:2:21: timeouts.attempt: bad duration "soon"; write one greater than zero, such as 40s or 500ms`},
		{"trigger empty", lo + "trigger: []",
			`b.yaml:2:10: trigger: empty list; write carrier-call, options, prompt, command: "..." or http: {url: ...}`},
		{"trigger word", lo + "trigger: [carrier-call, dance]",
			`b.yaml:2:25: trigger[1]: unknown trigger "dance"; write carrier-call, options, prompt, command: "..." or http: {url: ...}`},
		{"trigger bare command", lo + "trigger: [command]",
			`b.yaml:2:11: trigger[0]: "command" alone does not say what to do; write carrier-call, options, prompt, command: "..." or http: {url: ...}`},
		{"trigger key", lo + "trigger:\n  - comand: x\n",
			`b.yaml:3:5: trigger[0]: unknown key "comand"; did you mean "command"?`},
		{"trigger two", lo + "trigger:\n  - command: x\n    http: {url: http://127.0.0.1}\n",
			`b.yaml:3:5: trigger[0]: 2 keys in one entry; write a "-" before each`},
		{"trigger http url", lo + "trigger: [{http: {url: ftp://x}}]",
			`b.yaml:2:24: trigger[0].http.url: bad URL "ftp://x"; write one such as http://127.0.0.20:8080/call`},
		{"trigger http none", lo + "trigger: [{http: {method: GET}}]",
			`b.yaml:2:18: trigger[0].http: no url; write http: {url: http://127.0.0.20:8080/call}`},
		{"trigger http method", lo + "trigger: [{http: {method: get, url: http://x}}]",
			`b.yaml:2:27: trigger[0].http.method: bad method "get"; write one such as POST`},
		{"trigger http text", lo + "trigger: [{http: http://x}]",
			`b.yaml:2:18: trigger[0].http: text instead of keys and values; write lines of key: value; the keys here are method, url, body`},
		{"trigger one", lo + "trigger: prompt",
			`b.yaml:2:10: trigger: text instead of a list; write [a, b] or lines that begin with "- "`},
		{"known", lo + "known-failures: ''",
			`b.yaml:2:17: known-failures: bad path ""; write one or leave the key out`},
		{"far name", "target: sbc.example.com",
			""},
		{"far address", "target: 192.0.2.9",
			""},
		{"far connect", "target: sbc.example.com\nconnect: 192.0.2.9:5061",
			""},
		{"far v6", "target: '[2001:db8::9]:5061'",
			""},
		{"far name, loopback listen", "target: sbc.example.com\nlisten: [127.0.1.1:5061, 127.0.1.1:5062, 127.0.1.1:5063, 127.0.1.1:5064]",
			`b.yaml:2:10: listen[0]: sbc.example.com is a name without connect, so it counts as beyond loopback, but 127.0.1.1:5061 is on loopback; set listen, advertise and media to addresses of this host that the device can reach`},
		{"far address, loopback listen", "target: 192.0.2.9\nlisten: [127.0.1.1:5061, 127.0.1.2:5061, 127.0.1.3:5061, 127.0.1.4:5061]",
			`b.yaml:2:10: listen[0]: the device at 192.0.2.9:5061 is beyond loopback, but 127.0.1.1:5061 is on loopback; set listen, advertise and media to addresses of this host that the device can reach`},
		{"far connect, loopback listen", "target: sbc.example.com\nconnect: 192.0.2.9:5061\nlisten: [127.0.1.1:5061, 127.0.1.2:5061, 127.0.1.3:5061, 127.0.1.4:5061]",
			`b.yaml:3:10: listen[0]: the device at 192.0.2.9:5061 is beyond loopback, but 127.0.1.1:5061 is on loopback; set listen, advertise and media to addresses of this host that the device can reach`},
		{"far one listen", "target: 192.0.2.9\nlisten: [192.0.2.1:5061, 192.0.2.2:5061, 127.0.1.3:5061, 192.0.2.3:5061]\n",
			`b.yaml:2:42: listen[2]: the device at 192.0.2.9:5061 is beyond loopback, but 127.0.1.3:5061 is on loopback; set listen, advertise and media to addresses of this host that the device can reach`},
		{"far, every address", "target: 192.0.2.9\nlisten: [0.0.0.0:5061, 0.0.0.0:5062, 0.0.0.0:5063, 0.0.0.0:5064]\nadvertise: [192.0.2.1:5061, 192.0.2.1:5062, 192.0.2.1:5063, 192.0.2.1:5064]\nmedia: 192.0.2.1",
			""},
		{"far carrier of an outbound lab", "target: 192.0.2.9\ncarrier: {device: 192.0.2.9:5060}",
			`b.yaml:2:10: carrier.listen: 127.0.2.1 is on loopback, but carrier.device is beyond it; set carrier.listen and carrier.media to addresses of this host that the device can reach`},
		{"far advertise", "target: 192.0.2.9\nlisten: [192.0.2.1:5061, 192.0.2.1:5062, 192.0.2.1:5063, 192.0.2.1:5064]\nadvertise: [127.0.2.1:5061, 127.0.2.1:5062, 127.0.2.1:5063, 127.0.2.1:5064]",
			`b.yaml:3:13: advertise[0]: 127.0.2.1:5061 is on loopback, but the device is beyond it; set advertise to addresses of this host that the device can reach`},
		{"far media", "target: 192.0.2.9\nlisten: [192.0.2.1:5061, 192.0.2.1:5062, 192.0.2.1:5063, 192.0.2.1:5064]",
			`media: 127.0.3.1 is on loopback, but the device is beyond it; set media to addresses of this host that the device can reach`},
		{"far revocation", "target: 192.0.2.9\nlisten: [192.0.2.1:5061, 192.0.2.1:5062, 192.0.2.1:5063, 192.0.2.1:5064]\nmedia: 192.0.2.2\nrevocation: {listen: 127.0.1.80:8088}",
			`b.yaml:4:22: revocation.listen: 127.0.1.80:8088 is on loopback, but the device is beyond it; set it to addresses of this host that the device can reach, or leave it out`},
		{"far revocation, forwarded", "target: 192.0.2.9\nlisten: [192.0.2.1:5061, 192.0.2.1:5062, 192.0.2.1:5063, 192.0.2.1:5064]\nmedia: 192.0.2.2\nrevocation: {listen: 127.0.1.80:8088, advertise: '192.0.2.1:80'}",
			""},
		{"far revocation, every address", "target: 192.0.2.9\nlisten: [192.0.2.1:5061, 192.0.2.1:5062, 192.0.2.1:5063, 192.0.2.1:5064]\nmedia: 192.0.2.2\nrevocation: {listen: 0.0.0.0:8088}",
			`b.yaml:4:22: revocation.listen: 0.0.0.0:8088 is not an address that a device can call; write under revocation.advertise the one it should use`},
		{"far carrier", lo + "carrier: {device: 192.0.2.9:5060}",
			`b.yaml:2:10: carrier.listen: 127.0.2.1 is on loopback, but carrier.device is beyond it; set carrier.listen and carrier.media to addresses of this host that the device can reach`},
		{"far carrier media", lo + "carrier: {listen: 192.0.2.1:5060, device: 192.0.2.9:5060, media: 127.0.0.1}",
			`b.yaml:2:66: carrier.media: 127.0.0.1 is on loopback, but carrier.device is beyond it; set carrier.media to addresses of this host that the device can reach`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := check(tt.file)
			if ce := (*Error)(nil); err != nil && !errors.As(err, &ce) {
				t.Errorf("error is a %T, want *Error", err)
			}
			if got := text(err); got != tt.want {
				t.Errorf("\ngot:  %s\nwant: %s", got, tt.want)
			}
		})
	}
}

func TestSet(t *testing.T) {
	for _, tt := range []struct{ name, key, value, want string }{
		{"target", "target", "sbc.example.com:5061", ""},
		{"URI", "target", "sips:sbc.example.com", `--flag: "sips:sbc.example.com" is a URI; leave out "sips:" and write only host:port`},
		{"empty target", "target", "", "--flag: empty target; write a host name and port, such as sbc.example.com:5061"},
		{"connect", "connect", "127.0.0.20", `--flag: no port in "127.0.0.20"; write 127.0.0.20:5061`},
		{"nested", "carrier.device", "127.0.0.21:5060", ""},
		{"list", "listen", "127.0.0.21:5060", `--flag: "listen" cannot be set by a flag; write it in byocheck.yaml`},
		{"unknown", "targt", "x", `--flag: "targt" cannot be set by a flag; write it in byocheck.yaml`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			if got := text(c.Set(tt.key, tt.value, "--flag")); got != tt.want {
				t.Errorf("\ngot:  %s\nwant: %s", got, tt.want)
			}
		})
	}
}

// A flag wins over the file, and what is wrong with it is blamed on it.
func TestFlagOverFile(t *testing.T) {
	c, err := decode("b.yaml", []byte("target: sbc.example.com\nconnect: 127.0.0.20:5061\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Set("connect", "127.0.1.2:5061", "CONNECT="); err != nil {
		t.Fatal(err)
	}
	want := "CONNECT=: 127.0.1.2:5061 is also the address of lb02 in listen; write the device's own address"
	if got := text(c.Validate()); got != want {
		t.Errorf("\ngot:  %s\nwant: %s", got, want)
	}
}

func TestErrorf(t *testing.T) {
	c, err := decode("b.yaml", []byte("region: xyz9\ndeclared:\n  no-media: because\n"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"region":            "b.yaml:1:9: region: no such thing",
		"declared.no-media": "b.yaml:3:3: declared.no-media: no such thing",
		"edition":           "edition: no such thing",
	} {
		if got := text(c.Errorf(key, "no such %s", "thing")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A Config may be made in code; what Load would have refused, Validate does.
func TestValidateCode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"target", func(c *Config) { c.Target.Host = "a b" }, `target: bad host name "a b" at "a b"; write labels of 1 to 63 letters, digits and inner hyphens`},
		{"port", func(c *Config) { c.Target.Port = 0 }, `target: bad port "0"; write a number from 1 to 65535`},
		{"region", func(c *Config) { c.Region = "" }, `region: bad region ""; write a short code such as use1`},
		{"edition", func(c *Config) { c.Edition = "" }, `edition: unknown edition ""; write older, newer, or after-deprecation for the newer one without the suites whose removal it announces`},
		{"state", func(c *Config) { c.State = "" }, `state: bad path ""; write one or leave the key out`},
		{"dns", func(c *Config) { c.DNS = netip.AddrPort{} }, "dns: no address; write one such as 127.0.1.53:53"},
		{"media", func(c *Config) { c.Media = netip.Addr{} }, "media: no address; write an address of this host that carries no signalling, such as 127.0.3.1"},
		{"carrier", func(c *Config) { c.Carrier = Carrier{} }, "carrier.listen: no address; write one such as 127.0.2.1:5060, or carrier: none"},
		{"transport", func(c *Config) { c.Carrier.Transport = "" }, `carrier.transport: unknown transport ""; write udp, the only one there is`},
		{"number", func(c *Config) { c.Numbers.Inbound = []string{"x"} }, `numbers.inbound[0]: bad number "x"; write digits only, with an optional + in front, such as "+13175550100"`},
		{"match", func(c *Config) { c.Numbers.Match = 0 }, `numbers.match: bad count of digits "0"; write a number from 1 to 15`},
		{"timeout", func(c *Config) { c.Timeouts.Call = 0 }, `timeouts.call: bad duration "0s"; write one greater than zero, such as 40s or 500ms`},
		{"revocation", func(c *Config) { c.Revocation.Listen = netip.AddrPort{} }, `revocation.listen: bad address "invalid AddrPort"; write an IP address and a port from 1 to 65535, such as 127.0.0.20:8088`},
		{"recovery", func(c *Config) { c.Device.Recovery = 0 }, `device.recovery: bad duration "0s"; write one greater than zero, such as 40s or 500ms`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			c.Target = Target{Host: "127.0.0.20", Port: 5061}
			tt.change(&c)
			if got := text(c.Validate()); got != tt.want {
				t.Errorf("\ngot:  %s\nwant: %s", got, tt.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
