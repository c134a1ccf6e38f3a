// Package decode measures what it costs to read the record of a node, beside other ways to
// do so: encoding/json, its second version (github.com/go-json-experiment/json, from which
// that is made), sonic, easyjson (the lexer that its generated code calls, by hand) and a
// protobuf message (the parser that generated code calls, by hand), as the least that another
// format would take. All of them read the same fields into the same struct.
package decode
