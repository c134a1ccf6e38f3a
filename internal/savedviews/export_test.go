package savedviews

// What the fuzz test needs, which uses the files as package discovery does.
var (
	Decode                            = decode
	ErrForeign, ErrCorrupt, ErrTooBig = errForeign, errCorrupt, errTooLarge
	ShopFile, Sealed, Named           = shopFile, sealed, named
)

// Encode returns the bytes of a file.
func (s *File) Encode() ([]byte, error) { return s.encode() }
