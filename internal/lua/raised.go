package lua

import "regexp"

// wrapped is how Redis before 7 reports that a command in a script was refused.
var wrapped = regexp.MustCompile(`^ERR Error running script \(call to f_\w+\): @user_script:\d+: @user_script: \d+: -([A-Z]+ .*)$`)

// A raised is the refusal of a command in a script, with Redis's code for it in
// front (OOM, READONLY, NOREPLICAS, MISCONF), as newer versions send it.
type raised string

// Error is what Redis said about the command.
func (e raised) Error() string { return string(e) }

// RedisError marks an answer of Redis, as opposed to a failure of the network.
func (raised) RedisError() {}

// unwrap returns err as a Redis from version 7 on would have sent it.
func unwrap(err error) error {
	if m := wrapped.FindStringSubmatch(err.Error()); m != nil {
		return raised(m[1])
	}
	return err
}
