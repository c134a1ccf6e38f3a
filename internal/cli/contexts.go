package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// contexts is the file of contexts.
type contexts struct {
	Current  string           `json:"current,omitempty"`
	Contexts map[string]place `json:"contexts"`
}

// contextsFile is where the contexts are: rollcall/contexts.yaml in the user's directory
// of settings, which is ~/.config on Linux.
func contextsFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the file of contexts: %w", err)
	}
	return filepath.Join(dir, "rollcall", "contexts.yaml"), nil
}

// readContexts reads the file. None is one without contexts.
func readContexts() (contexts, error) {
	c := contexts{Contexts: map[string]place{}}
	path, err := contextsFile()
	if err != nil {
		return c, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read the contexts: %w", err)
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return c, Usagef("read the contexts in %s: %w; mend the file or remove it", path, err)
	}
	asJSON, err := json.Marshal(value)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(asJSON))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&c)
	}
	if err != nil {
		return c, Usagef("read the contexts in %s: %w; mend the file or remove it", path, err)
	}
	if c.Contexts == nil {
		c.Contexts = map[string]place{}
	}
	return c, nil
}

// save replaces the file, which only its owner may read: it may hold passwords.
func (c contexts) save() error {
	path, err := contextsFile()
	if err != nil {
		return err
	}
	text, err := encode(c, "")
	if err != nil {
		return err
	}
	if text, err = toYAML(text); err != nil {
		return err
	}
	if err := replaceFile(path, text); err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	return nil
}

func replaceFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func (c contexts) names() []string { return slices.Sorted(maps.Keys(c.Contexts)) }

// missing is the error for a context that is not there.
func (c contexts) missing(name string) error {
	if len(c.Contexts) == 0 {
		return Usagef("there is no context %s: rollcall context add %s --redis URL", Text(name), Text(name))
	}
	return Usagef("there is no context %s; there are %s", Text(name), strings.Join(c.names(), ", "))
}

// changeContext changes the contexts, among which there has to be one of this name.
func changeContext(name string, change func(*contexts)) error {
	c, err := readContexts()
	if err != nil {
		return err
	}
	if _, ok := c.Contexts[name]; !ok {
		return c.missing(name)
	}
	change(&c)
	return c.save()
}

// loadContext returns a context and its name, the current one for "". Where none is current, it
// is an empty place; where there are contexts, one of them has to be chosen.
func loadContext(name string) (string, place, error) {
	c, err := readContexts()
	if err != nil {
		return "", place{}, err
	}
	name = cmp.Or(name, c.Current)
	p, ok := c.Contexts[name]
	switch {
	case !ok && name != "":
		return "", place{}, c.missing(name)
	case !ok && len(c.Contexts) > 0:
		return "", place{}, Usagef("no context is the current one; there are %s: rollcall context use NAME, or say where Redis is with --redis", strings.Join(c.names(), ", "))
	}
	return name, p, nil
}
