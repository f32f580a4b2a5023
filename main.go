// Command byocheck tests a session border controller against a simulated
// Genesys Cloud BYOC trunk over TLS and SRTP. See byocheck --help.
package main

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"byocheck/suites/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	code := command.Run(ctx, command.Environment{
		Out: os.Stdout, Err: os.Stderr, Program: os.Args[0],
		Terminal: term.IsTerminal(int(os.Stderr.Fd())),
		Colour:   term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "",
		Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}, os.Args[1:])
	stop()
	os.Exit(code)
}
