package cli

import (
	"os"
	"os/user"
)

// WhoAmI is the user of the operating system at this machine, such as alice@bastion.
func WhoAmI() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	switch {
	case name == "":
		return host
	case err != nil:
		return name
	}
	return name + "@" + host
}
