// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

// field is a header field as it is sent. Known says that its value, and its name if it has one, were seen.
type field struct {
	name, value []byte
	known       bool
}

// staticFields returns the static table (RFC 7541 appendix A); index 1 comes first.
func staticFields() []field {
	fields := make([]field, 0, len(staticText)/2)
	for i := 0; i < len(staticText); i += 2 {
		fields = append(fields, field{[]byte(staticText[i]), []byte(staticText[i+1]), true})
	}
	return fields
}

// static is shared by all decoders, which only read it.
var static = staticFields()

var staticText = [...]string{
	":authority", "", ":method", "GET", ":method", "POST", ":path", "/", ":path", "/index.html", ":scheme", "http",
	":scheme", "https", ":status", "200", ":status", "204", ":status", "206", ":status", "304", ":status", "400",
	":status", "404", ":status", "500", "accept-charset", "", "accept-encoding", "gzip, deflate", "accept-language", "",
	"accept-ranges", "", "accept", "", "access-control-allow-origin", "", "age", "", "allow", "", "authorization", "",
	"cache-control", "", "content-disposition", "", "content-encoding", "", "content-language", "", "content-length", "",
	"content-location", "", "content-range", "", "content-type", "", "cookie", "", "date", "", "etag", "", "expect", "",
	"expires", "", "from", "", "host", "", "if-match", "", "if-modified-since", "", "if-none-match", "", "if-range", "",
	"if-unmodified-since", "", "last-modified", "", "link", "", "location", "", "max-forwards", "",
	"proxy-authenticate", "", "proxy-authorization", "", "range", "", "referer", "", "refresh", "", "retry-after", "",
	"server", "", "set-cookie", "", "strict-transport-security", "", "transfer-encoding", "", "user-agent", "", "vary", "",
	"via", "", "www-authenticate", "",
}
