package hertzadapter

import (
	"net/url"
	"strings"
)

// encodeTarget writes a service name and the tags of a call as one string, equal
// for equal input, from which decodeTarget gets both back. Each part is escaped,
// so that no name can pass for a name with tags.
func encodeTarget(service string, tags map[string]string) string {
	name := url.PathEscape(service)
	if len(tags) == 0 {
		return name
	}
	query := url.Values{}
	for k, v := range tags {
		query.Set(k, v)
	}
	return name + "?" + query.Encode()
}

func decodeTarget(desc string) (service string, tags map[string]string, err error) {
	name, query, _ := strings.Cut(desc, "?")
	if service, err = url.PathUnescape(name); err != nil {
		return "", nil, invalid("target %q was not made by Target: %v", desc, err)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", nil, invalid("target %q was not made by Target: %v", desc, err)
	}
	tags = make(map[string]string, len(values))
	for k := range values {
		tags[k] = values.Get(k)
	}
	return service, tags, nil
}
