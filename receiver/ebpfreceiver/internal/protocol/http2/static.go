// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

// staticCount is how many fields the static table has.
const staticCount = len(staticText) / 2

// staticText is the static table (RFC 7541 appendix A): names and values. Index 1 comes first.
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
