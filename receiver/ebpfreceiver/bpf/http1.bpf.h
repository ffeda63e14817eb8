/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Tells HTTP/1 messages, and what may come instead, by their first eight bytes. More is user space's work. */
#ifndef OTELCOL_RISK_HTTP1_BPF_H
#define OTELCOL_RISK_HTTP1_BPF_H

/* The first n characters of text as the integer they are when loaded from memory on a little-endian machine. */
#define TEXT4(a, b, c, d) ((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24)
#define TEXT8(a, b, c, d, e, f, g, h) (TEXT4(a, b, c, d) | TEXT4(e, f, g, h) << 32)
#define FIRST(n) (~0ULL >> (64 - 8 * (n)))

/* The methods of RFC 9110 section 9 and PATCH (RFC 5789), each with the space behind it; QUERY, PURGE, and of WebDAV those of RFC 4918
 * and 5323, MKCALENDAR (4791) and REPORT (3253), as far as eight bytes go with the beginning of a path: others may begin with such
 * words.
 */
static __always_inline enum method http1_method(__u64 prefix)
{
	switch (prefix & FIRST(4)) {
	case TEXT4('G', 'E', 'T', ' '):
		return METHOD_GET;
	case TEXT4('P', 'U', 'T', ' '):
		return METHOD_PUT;
	case TEXT4('P', 'O', 'S', 'T'):
		return (__u8)(prefix >> 32) == ' ' ? METHOD_POST : METHOD_NONE;
	case TEXT4('H', 'E', 'A', 'D'):
		return (__u8)(prefix >> 32) == ' ' ? METHOD_HEAD : METHOD_NONE;
	case TEXT4('P', 'A', 'T', 'C'):
		return (prefix & FIRST(6)) == (TEXT8('P', 'A', 'T', 'C', 'H', ' ', 0, 0)) ? METHOD_PATCH : METHOD_NONE;
	case TEXT4('T', 'R', 'A', 'C'):
		return (prefix & FIRST(6)) == (TEXT8('T', 'R', 'A', 'C', 'E', ' ', 0, 0)) ? METHOD_TRACE : METHOD_NONE;
	case TEXT4('D', 'E', 'L', 'E'):
		return (prefix & FIRST(7)) == (TEXT8('D', 'E', 'L', 'E', 'T', 'E', ' ', 0)) ? METHOD_DELETE : METHOD_NONE;
	case TEXT4('O', 'P', 'T', 'I'):
		return prefix == TEXT8('O', 'P', 'T', 'I', 'O', 'N', 'S', ' ') ? METHOD_OPTIONS : METHOD_NONE;
	case TEXT4('C', 'O', 'N', 'N'):
		return prefix == TEXT8('C', 'O', 'N', 'N', 'E', 'C', 'T', ' ') ? METHOD_CONNECT : METHOD_NONE;
	case TEXT4('Q', 'U', 'E', 'R'):
		return (prefix & FIRST(7)) == (TEXT8('Q', 'U', 'E', 'R', 'Y', ' ', '/', 0)) ? METHOD_QUERY : METHOD_NONE;
	case TEXT4('P', 'U', 'R', 'G'):
		return (prefix & FIRST(7)) == (TEXT8('P', 'U', 'R', 'G', 'E', ' ', '/', 0)) ? METHOD_OTHER : METHOD_NONE;
	case TEXT4('M', 'K', 'C', 'O'):
		return (prefix & FIRST(7)) == (TEXT8('M', 'K', 'C', 'O', 'L', ' ', '/', 0)) ? METHOD_OTHER : METHOD_NONE;
	case TEXT4('C', 'O', 'P', 'Y'):
	case TEXT4('L', 'O', 'C', 'K'):
	case TEXT4('M', 'O', 'V', 'E'):
		return (prefix >> 32 & FIRST(2)) == TEXT4(' ', '/', 0, 0) ? METHOD_OTHER : METHOD_NONE;
	case TEXT4('U', 'N', 'L', 'O'):
		return prefix == TEXT8('U', 'N', 'L', 'O', 'C', 'K', ' ', '/') ? METHOD_OTHER : METHOD_NONE;
	case TEXT4('R', 'E', 'P', 'O'):
		return prefix == TEXT8('R', 'E', 'P', 'O', 'R', 'T', ' ', '/') ? METHOD_OTHER : METHOD_NONE;
	case TEXT4('S', 'E', 'A', 'R'):
		return prefix == TEXT8('S', 'E', 'A', 'R', 'C', 'H', ' ', '/') ? METHOD_OTHER : METHOD_NONE;
	case TEXT4('M', 'K', 'C', 'A'):
		return prefix == TEXT8('M', 'K', 'C', 'A', 'L', 'E', 'N', 'D') ? METHOD_OTHER : METHOD_NONE;
	case TEXT4('P', 'R', 'O', 'P'):
		return prefix == TEXT8('P', 'R', 'O', 'P', 'F', 'I', 'N', 'D') || prefix == TEXT8('P', 'R', 'O', 'P', 'P', 'A', 'T', 'C') ?
			       METHOD_OTHER : METHOD_NONE;
	}
	return METHOD_NONE;
}

static __always_inline bool http1_is_request(__u64 prefix)
{
	return http1_method(prefix) != METHOD_NONE;
}

/* Whether a message whose last four bytes these are ends with an empty line, as a request without a body does. */
static __always_inline bool http1_ends_head(__u32 last)
{
	return last == (__u32)TEXT4('\r', '\n', '\r', '\n');
}

/* What the last seven bytes of a packet say of a chunked body, as bits of event.flags. A chunk of text can end with any bytes
 * and its own line end: the line before the last chunk's tells them apart, nearly always.
 */
static __always_inline __u8 http1_ending(__u64 last)
{
	return (last == TEXT8('\r', '\n', '0', '\r', '\n', '\r', '\n', 0) ? FLAG_CHUNK_END : 0) |
	       (last >> 24 == TEXT4('\r', '\n', '\r', '\n') ? FLAG_EMPTY_LINE : 0);
}

static __always_inline bool http1_is_response(__u64 prefix)
{
	return (prefix & FIRST(7)) == TEXT8('H', 'T', 'T', 'P', '/', '1', '.', 0);
}

/* The status code in the first twelve bytes of a response, `HTTP/1.x NNN`; 0 if there is none. */
static __always_inline __u16 http1_status(const __u8 *line)
{
	__u16 hundreds = line[9] - '0';
	__u16 tens = line[10] - '0';
	__u16 ones = line[11] - '0';

	return hundreds > 9 || tens > 9 || ones > 9 ? 0 : hundreds * 100 + tens * 10 + ones;
}

/* How a server that speaks TLS may answer to one who does not: a short alert. It has seven bytes, of which four are here. */
static __always_inline bool tls_is_alert(__u64 prefix)
{
	return (__u8)prefix == 21 && (__u8)(prefix >> 8) == 3 && !(prefix >> 24 & 0xff);
}

#endif
