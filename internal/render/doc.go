// Package render makes configuration files of text/template templates and the nodes of
// services.
//
// # Safety
//
// Names, ids, addresses and metadata are written by others, and must not add a line or a
// directive to a configuration. So a template cannot print them as they are: every string
// that an action prints is percent-encoded but for letters, digits and -._~:@/+,=[], as if
// each action ended in "| word". An address that is none is left out, and reported.
// Only text of the template itself, numbers, and what the functions name, quote, json,
// nginx, haproxy and raw return, are printed unchanged.
//
// # Functions
//
//	nodes "shop"                   all nodes of a service, ordered by version and id
//	nodes "shop" "zone=eu-1"       those that match: version=, zone=, or a key of the metadata
//	ready "shop"                   those that get calls: draining ones only if there is no other
//	services                       the names of the services that have nodes, sorted
//	nginx LIST                     lines "server ...;" for an upstream of nginx
//	haproxy LIST                   lines "server ..." for a backend of HAProxy
//	name X                         X as a name: letters, digits and -.: stay, other bytes are _XX
//	quote X                        X in double quotes, percent-encoded but for spaces and
//	                               what word leaves
//	json X                         X as JSON
//	word X                         X percent-encoded: what is done to each printed string
//	raw X                          X as it is: only for what you trust
//	env "NAME"                     an environment variable
//
// A node has the fields ID, Address, Host, Port, Network, Version, Zone, Weight, Up and
// Metadata.
package render
