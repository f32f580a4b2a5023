package command

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"byocheck/certs"
	"byocheck/simulator/region"
	"byocheck/suites/config"
)

func newCerts(env Environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Show the lab's roots to the device, and give it a certificate",
		Long: `The lab's state folder holds the roots that the device is told to trust once, and
a CA that issues certificates for devices. It is made when it is first needed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var state string
	cmd.PersistentFlags().StringVar(&state, "state", ".byocheck", "the folder of the lab's roots and device certificates")
	open := func() (*certs.Lab, error) { return certs.Open(state, certs.Options{}) }
	cmd.AddCommand(newExport(env, open), newIssue(env, open), newProfile(env, open))
	return cmd
}

func newExport(env Environment, open func() (*certs.Lab, error)) *cobra.Command {
	var out, format string
	var premises bool
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the roots that the device must trust, as PEM or DER",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			lab, err := open()
			if err != nil {
				return err
			}
			export := lab.Export
			if premises {
				export = lab.ExportOrganisation
			}
			files, err := export(out, certs.Format(format))
			return told(env, files, err)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "byocheck-roots", "folder to write to")
	cmd.Flags().StringVar(&format, "format", "pem", "pem or der")
	cmd.Flags().BoolVar(&premises, "premises", false, "BYOC Premises: write the organisation's root in place of the cloud's")
	return cmd
}

func newIssue(env Environment, open func() (*certs.Lab, error)) *cobra.Command {
	var renew bool
	cmd := &cobra.Command{
		Use:   "issue NAME [NAME...]",
		Short: "Issue a certificate for the device: key, certificate and chain",
		Long: `Issue a certificate of the lab's device CA for a device with the given host
names, the first one its common name. One that was issued before and is still
valid is shown again, unless --renew is given.`,
		Example: "  byocheck certs issue sbc.example.com",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, names []string) error {
			lab, err := open()
			if err != nil {
				return err
			}
			d, err := lab.IssueDevice(names[0], certs.DeviceOptions{DNS: names, Renew: renew})
			if err != nil {
				return err
			}
			return told(env, []certs.File{
				{Path: d.KeyFile, Purpose: "private key"},
				{Path: d.CertFile, Purpose: "certificate alone"},
				{Path: d.ChainFile, Purpose: "certificate and intermediate, what the device must present"},
			}, nil)
		},
	}
	cmd.Flags().BoolVar(&renew, "renew", false, "issue a new key and certificate even if the old one is valid")
	return cmd
}

func newProfile(env Environment, open func() (*certs.Lab, error)) *cobra.Command {
	var out, code string
	var lines []string
	for _, p := range certs.Profiles() {
		lines = append(lines, fmt.Sprintf("  %-24s %s", p.Profile, p.Sentence))
	}
	cmd := &cobra.Command{
		Use:   "profile NAME",
		Short: "Write a proxy's key and chain as a scenario would present it",
		Long: "Write a proxy's key and chain as a scenario would present it, for example to serve\nit with openssl s_server beside the kit. The profiles:\n\n" +
			strings.Join(lines, "\n"),
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			where, err := region.Lookup(code)
			if err != nil {
				return err
			}
			lab, err := open()
			if err != nil {
				return err
			}
			authority, err := lab.NewAuthority(certs.Hierarchy(where.Root.Value))
			if err != nil {
				return err
			}
			chain, err := authority.Chain(certs.Profile(args[0]), certs.Names{
				CN: where.SRVDomain.Value, DNS: append([]string{where.SRVDomain.Value}, where.Proxies.Value...), IP: loopback,
			})
			if err != nil {
				return err
			}
			files, err := certs.WriteChain(out, chain)
			return told(env, files, err)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "byocheck-profile", "folder to write to")
	cmd.Flags().StringVar(&code, "region", "use1", "the region whose proxies are named")
	return cmd
}

// loopback are the proxies' usual addresses, for profiles that are about addresses.
var loopback = func() []netip.Addr {
	var out []netip.Addr
	for _, l := range config.Default().Listen {
		out = append(out, l.Addr())
	}
	return out
}()

// told lists written files with their purpose.
func told(env Environment, files []certs.File, err error) error {
	if err != nil {
		return err
	}
	for _, f := range files {
		fmt.Fprintf(env.Out, "%s  %s\n", f.Path, f.Purpose)
	}
	return nil
}
