package main

import (
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

const module = "github.com/rollcall-go/rollcall/"

// writes are the functions that write a log line.
var writes = regexp.MustCompile(`^(` +
	`\(\*github\.com/rs/zerolog\.Event\)\.(Msg|Msgf|MsgFunc|Send)` +
	`|\(\*github\.com/rs/zerolog\.Logger\)\.(Print|Printf|Println)` +
	`|\(github\.com/rs/zerolog\.Logger\)\.Write` +
	`|(\(\*log/slog\.Logger\)|log/slog)\.(Debug|Info|Warn|Error|Log|LogAttrs|(Debug|Info|Warn|Error)Context)` +
	`|(\(\*log\.Logger\)|log)\.(Print|Printf|Println|Output|Fatal|Fatalf|Fatalln|Panic|Panicf|Panicln)` +
	`)$`)

// usersFuncs are types without a name of functions that users hand over.
var usersFuncs = []string{
	"func(registry.State, error)",                   // registry.OnState
	"func(lifecycle.State, error)",                  // as the registrar has it
	"func(context.Context) error",                   // registry.Check
	"func(*registry.Node) bool",                     // discovery.Filter
	"func(context.Context) (string, string, error)", // registry.Credentials
	"func() (string, string)",                       // credentials of go-redis
	"func() (io.ReadCloser, error)",                 // http.Request.GetBody
}

// forbidden says what a call does that must not happen under a mutex; "": nothing.
func forbidden(call *ssa.CallCommon) string {
	if f := call.StaticCallee(); f != nil {
		if name := f.RelString(nil); writes.MatchString(name) {
			return "logs"
		}
		return ""
	}
	if call.IsInvoke() {
		if call.Value.Type().String() == "io.ReadCloser" { // a body of a request or an answer
			return "calls " + call.Method.Name() + " of an io.ReadCloser"
		}
		return ""
	}
	return users(call.Value.Type())
}

// users says that a call of a function of this type is one of the user's; "": it is
// not known to be.
func users(t types.Type) string {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		obj := t.Obj()
		if _, ok := t.Underlying().(*types.Signature); ok && obj.Exported() && obj.Pkg() != nil &&
			strings.HasPrefix(obj.Pkg().Path(), module) && !strings.Contains(obj.Pkg().Path(), "/internal/") {
			return "calls a " + obj.Pkg().Name() + "." + obj.Name()
		}
	case *types.Signature:
		if text := signature(t); slices.Contains(usersFuncs, text) {
			return "calls a " + text
		}
	}
	return ""
}

// signature writes a function's type without the names of its parameters.
func signature(sig *types.Signature) string {
	bare := func(all *types.Tuple) *types.Tuple {
		var vars []*types.Var
		for v := range all.Variables() {
			vars = append(vars, types.NewParam(0, nil, "", v.Type()))
		}
		return types.NewTuple(vars...)
	}
	sig = types.NewSignatureType(nil, nil, nil, bare(sig.Params()), bare(sig.Results()), sig.Variadic())
	return types.TypeString(sig, (*types.Package).Name)
}
