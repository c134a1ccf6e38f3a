package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-go/rollcall/internal/plural"
)

// FlagError says in plain words what is wrong with a flag, as an ErrUsage.
func FlagError(_ *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		empty   *pflag.ValueRequiredError
		value   *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		name := unknown.GetSpecifiedName()
		if _, failed := strconv.Atoi(name); failed == nil {
			return Usagef("-%s is no flag, and no argument is a negative number", unknown.GetSpecifiedShortnames())
		}
		return Usagef("there is no flag -%s", name)
	case errors.As(err, &unknown):
		return Usagef("there is no flag --%s", unknown.GetSpecifiedName())
	case errors.As(err, &empty):
		return Usagef("the flag --%s needs a value", empty.GetFlag().Name)
	case errors.As(err, &value):
		return valueError("--"+value.GetFlag().Name, value.GetFlag(), value.GetValue(), value.Unwrap())
	}
	return usageError{err}
}

// valueError says what is wrong with the value of a flag, which source gave it.
func valueError(source string, f *pflag.Flag, value string, cause error) error {
	switch f.Value.Type() {
	case "duration":
		return Usagef("%s: %q is no duration, such as 500ms, 30s, 10m or 2h", source, value)
	case "bool":
		return Usagef("%s: %q is neither true nor false", source, value)
	case "int":
		return Usagef("%s: %q is no number", source, value)
	}
	return Usagef("%s: %w", source, cause)
}

// checkWords checks the arguments of a command and that no needed flag is missing, and says in
// plain words what the command takes.
func checkWords(cmd *cobra.Command, args []string, check cobra.PositionalArgs) error {
	if check != nil {
		err := check(cmd, args)
		if err != nil && !errors.Is(err, ErrUsage) {
			_, takes, _ := strings.Cut(cmd.Use, " ")
			if takes == "" {
				takes = "no argument"
			}
			err = Usagef("%s takes %s, not %s", cmd.CommandPath(), takes, plural.Count(len(args), "argument"))
		}
		if err != nil {
			return err
		}
	}
	var missing error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[cobra.BashCompOneRequiredFlag] != nil && !f.Changed && missing == nil {
			missing = Usagef("--%s is missing: %s", f.Name, f.Usage)
		}
	})
	return missing
}

// usageOf is how a command is used, with an example: the lines below an ErrUsage.
func usageOf(cmd *cobra.Command) string {
	line := cmd.UseLine()
	if cmd.HasSubCommands() {
		line = cmd.CommandPath() + " COMMAND"
	}
	text := "usage: " + line + "\n"
	example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
	if example != "" {
		text += "example: " + example + "\n"
	}
	return text + "hint: " + cmd.CommandPath() + " --help tells more\n"
}

// helpCommand is rollcall help. Unlike cobra's own, it fails for a word that is no command.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]...",
		Short: "Help about a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			switch {
			case err != nil:
				return err
			case len(rest) > 0 && about.HasSubCommands():
				return noCommand(about, rest)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) (names []string, _ cobra.ShellCompDirective) {
			if about, _, err := cmd.Root().Find(args); err == nil {
				for _, sub := range about.Commands() {
					if strings.HasPrefix(sub.Name(), word) && !sub.Hidden {
						names = append(names, sub.Name())
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// kinds annotates a command whose sub-commands are kinds of things.
const kinds = "rollcall-kinds"

// Kinds says of which kind a thing is that the arguments of a command name without one: by the
// number of words, one first.
func Kinds(cmd *cobra.Command, byWords ...string) {
	cmd.Annotations = map[string]string{kinds: strings.Join(byWords, " ")}
}

// mostListed is how many sub-commands an error lists.
const mostListed = 6

// noCommand says that a command has no such sub-command, and what may have been meant.
func noCommand(cmd *cobra.Command, words []string) error {
	text := fmt.Sprintf("there is no command %s %s", cmd.CommandPath(), Text(words[0]))
	cmd.SuggestionsMinimumDistance = 2
	near := cmd.SuggestionsFor(words[0])
	slices.Sort(near)
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	kinds := strings.Fields(cmd.Annotations[kinds])
	switch {
	case len(near) > 0:
		text += "; did you mean " + strings.Join(slices.Compact(near), " or ") + "?"
	case len(words) <= len(kinds):
		for i, word := range words {
			words[i] = Text(word)
		}
		text += fmt.Sprintf("; did you mean %s %s %s?", cmd.CommandPath(), kinds[len(words)-1], strings.Join(words, " "))
	case len(names) <= mostListed:
		text += "; there are " + strings.Join(names, ", ")
	}
	return Usagef("%s", text)
}
