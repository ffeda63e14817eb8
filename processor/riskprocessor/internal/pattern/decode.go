// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package pattern

// decode returns the byte that the text at i stands for, and where the next one begins. Every kind of white space is a
// space. Of %uXXXX, an old way to write UTF-16, ASCII and its full-width forms are read, anything else is a `?`.
func decode(text string, i int) (byte, int) {
	b := text[i]
	i++
	for b == '%' { // what stands for a percent sign may begin an encoding again
		if i+1 < len(text) && isHex(text[i]) && isHex(text[i+1]) {
			b = hex(text[i])<<4 | hex(text[i+1])
			i += 2
			continue
		}
		if i+4 < len(text) && lower(text[i]) == 'u' && isHex(text[i+1]) && isHex(text[i+2]) && isHex(text[i+3]) && isHex(text[i+4]) {
			b = narrow(uint16(hex(text[i+1]))<<12 | uint16(hex(text[i+2]))<<8 | uint16(hex(text[i+3]))<<4 | uint16(hex(text[i+4])))
			i += 5
			continue
		}
		break
	}
	switch b {
	case '+', '\t', '\n', '\v', '\f', '\r':
		return ' ', i
	}
	return b, i
}

// narrow is the ASCII character that a code unit is or looks like.
func narrow(unit uint16) byte {
	switch {
	case unit < 0x80:
		return byte(unit)
	case 0xff01 <= unit && unit <= 0xff5e: // full-width forms of ! to ~
		return byte(unit - 0xff01 + '!')
	default:
		return '?'
	}
}

func isHex(b byte) bool {
	b = lower(b)
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f'
}

func hex(b byte) byte {
	if b <= '9' {
		return b - '0'
	}
	return lower(b) - 'a' + 10
}

// AppendDecoded appends what a URL's text stands for to buffer, as a matcher that decodes sees it, but for its case.
func AppendDecoded(buffer []byte, text string) []byte {
	space := false
	for i := 0; i < len(text); {
		var b byte
		b, i = decode(text, i)
		if b == 0 || b == ' ' && space {
			continue
		}
		space = b == ' '
		buffer = append(buffer, b)
	}
	return buffer
}
