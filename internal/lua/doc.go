// Package lua holds the scripts that change a service in Redis, and one typed
// function for each.
//
// Each .lua file opens with its contract: keys, arguments, codes, cost, and why
// it has to be atomic. common.lua goes before every one of them. The rules that
// the scripts enforce:
//
//   - A call past its deadline, by Redis's clock, does nothing.
//   - A call of an older lease, or an older call of the same lease, does nothing.
//   - A lease that was deregistered never comes back.
//   - Arguments and the types of all keys are checked before the first write.
//   - A change is rev+1, a new tag, a log entry and an event, and they agree.
//   - Every key expires by itself, except overrides; docs/protocol.md says when.
//
// Outcomes are codes. Errors are for what kept the script from deciding:
// ErrLate, *WrongTypeError, a refusal that IsPermission knows, or whatever
// Redis or the network said.
package lua
