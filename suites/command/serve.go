package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"byocheck/suites"
	"byocheck/suites/config"
)

func newServe(env Environment) *cobra.Command {
	var file string
	var premises bool
	set := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Keep the simulated region up, and say what connects and why it fails",
		Long: `Keep the simulated region up until Ctrl-C. Every call is answered with a tone;
what connects, and why something fails, is said in words. Nothing is judged.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(file)
			if err != nil {
				return err
			}
			for _, x := range serving {
				if cmd.Flags().Changed(x.key) {
					if err := c.Set(x.key, *set[x.key], "--"+x.key); err != nil {
						return err
					}
				}
			}
			if premises {
				c.PlayEdge("--premises")
			}
			say := func(format string, args ...any) { fmt.Fprintf(env.Out, format+"\n", args...) }
			return suites.Serve(cmd.Context(), c, say, nil)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file (default byocheck.yaml, if present)")
	cmd.Flags().BoolVar(&premises, "premises", false, premisesHelp)
	for _, x := range serving {
		set[x.key] = cmd.Flags().String(x.key, "", x.help)
	}
	return cmd
}

// serving are the overriding flags that have a meaning without a device.
var serving = overriding[2:]
