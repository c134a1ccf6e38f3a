package render

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"
)

// A safe is text that is printed as it is.
type safe string

// wordName is the function that every action of a template ends in.
const wordName = "word"

const plainBytes = "-._~:@/+,=[]"

// word returns a value as it is printed: text percent-encoded, so that it is one word of a
// configuration, with no meaning to it; numbers, and what is safe, as they are.
func word(value any) (safe, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case safe:
		return v, nil
	case string:
		return encode(v, ""), nil
	case bool, int, int64, uint, uint64, float64:
		return safe(fmt.Sprint(v)), nil
	case fmt.Stringer:
		return encode(v.String(), ""), nil
	}
	return "", fmt.Errorf("a %T cannot be printed: print its fields, or use json", value)
}

// quote puts text in double quotes.
func quote(value any) (safe, error) {
	s, ok := value.(string)
	if !ok {
		text, err := word(value)
		return `"` + text + `"`, err
	}
	return `"` + encode(s, " ()<>!?|&*") + `"`, nil
}

func encode(s, also string) safe { return escape(s, plainBytes+also, "%%%02X") }

// name is text as a name of HAProxy, and of most others: letters, digits, "-", "." and ":"
// stay, other bytes become _XX. Two texts never have the same name.
func name(s string) safe { return escape(s, "-.:", "_%02X") }

// escape formats all bytes but letters, digits and those of plain.
func escape(s, plain, format string) safe {
	var b strings.Builder
	for _, c := range []byte(s) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, format, c)
		}
	}
	return safe(b.String())
}

// asJSON returns a value as JSON, in one line.
func asJSON(value any) (safe, error) {
	text, err := json.Marshal(value)
	return safe(text), err
}

// raw marks what the author of a template trusts.
func raw(value any) safe { return safe(fmt.Sprint(value)) }

// protect makes every action of all templates of t, that prints something, end in word.
func protect(t *template.Template) {
	for _, one := range t.Templates() {
		if one.Tree != nil {
			protectNode(one.Root)
		}
	}
}

func protectNode(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil { // no else
			return
		}
		for _, inner := range n.Nodes {
			protectNode(inner)
		}
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{
				NodeType: parse.NodeCommand, Pos: n.Pos,
				Args: []parse.Node{parse.NewIdentifier(wordName).SetPos(n.Pos)},
			})
		}
	case *parse.IfNode:
		protectBranch(&n.BranchNode)
	case *parse.RangeNode:
		protectBranch(&n.BranchNode)
	case *parse.WithNode:
		protectBranch(&n.BranchNode)
	}
}

func protectBranch(n *parse.BranchNode) {
	protectNode(n.List)
	protectNode(n.ElseList)
}
