package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"github.com/google/renameio/v2"
)

// newFile is the mode of a file that did not exist.
const newFile = 0o644

// write replaces a file, so that a reader sees the old or the new content and never a part. It
// leaves a file alone that has the content already, and keeps the mode of one that exists.
func write(path string, content []byte) (changed bool, err error) {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, content) {
		return false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, renameio.WriteFile(path, content, newFile, renameio.WithExistingPermissions())
}

// reloading bounds a reload command.
const reloading = 30 * time.Second

// reload runs a command of the shell.
func reload(ctx context.Context, command string, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, reloading)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}
