//go:build !unix

package cli

import (
	"errors"
	"os"
)

func sizeOf(*os.File) (width, height int, err error) { return 0, 0, errors.ErrUnsupported }
