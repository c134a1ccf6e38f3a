package errdefs

import "errors"

// A FieldError says which argument or option is wrong: an ErrInvalid.
type FieldError struct {
	Field string // its name in the Go API
	What  string // what is wrong with it
	Do    string // what to do, in words of the Go API; may be ""
	Err   error  // what showed it; may be nil
}

// Error reads "invalid: Field: what: do: what showed it".
func (e *FieldError) Error() string {
	text := ErrInvalid.Error() + ": " + e.Field + ": " + e.What
	if e.Do != "" {
		text += ": " + e.Do
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns ErrInvalid, and what showed it.
func (e *FieldError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrInvalid}
	}
	return []error{ErrInvalid, e.Err}
}

// An Advised error ends with what to do, in words of the Go API, which a program that has
// flags instead of options leaves out.
type Advised struct {
	Err error
	Do  string
}

// Error reads "what is wrong: what to do".
func (e *Advised) Error() string { return e.Err.Error() + ": " + e.Do }

// Unwrap returns Err.
func (e *Advised) Unwrap() error { return e.Err }

// IsAdvised returns the first Advised error in err, or nil.
func IsAdvised(err error) *Advised {
	var advised *Advised
	errors.As(err, &advised)
	return advised
}
