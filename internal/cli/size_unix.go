//go:build unix

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// sizeOf returns the size of a terminal in characters.
func sizeOf(f *os.File) (width, height int, err error) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, err
	}
	return int(size.Col), int(size.Row), nil
}
