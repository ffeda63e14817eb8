// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tls

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vector returns text with its length, of that many bytes, in front.
func vector(size int, text string) string {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	return string(length[4-size:]) + text
}

// extension returns one of a hello.
func extension(kind uint16, data string) string {
	return string(binary.BigEndian.AppendUint16(nil, kind)) + vector(2, data)
}

// hello returns the body of a ClientHello of TLS 1.2 with these extensions.
func hello(extensions ...string) []byte {
	return []byte("\x03\x03" + strings.Repeat("r", 32) + vector(1, "session") + vector(2, "\x13\x01\x0a\x0a") + vector(1, "\x00") +
		vector(2, strings.Join(extensions, "")))
}

func TestAClientHelloIsReadAsFarAsItMakesSense(t *testing.T) {
	name := func(kind byte, text string) string { return extension(0, vector(2, string(kind)+vector(2, text))) }
	alpn := func(names ...string) string {
		var list strings.Builder
		for _, n := range names {
			list.WriteString(vector(1, n))
		}
		return extension(16, vector(2, list.String()))
	}
	offered := extension(43, vector(1, "\x0a\x0a\x03\x04\x03\x03\xfa\xfa"))
	many := slices.Repeat([]string{"h2"}, 100)
	for title, test := range map[string]struct {
		body []byte
		want Client
	}{
		"nothing but a version":          {hello(), Client{Versions: []uint16{0x303}}},
		"no extensions at all":           {hello()[:len(hello())-2], Client{Versions: []uint16{0x303}}},
		"a name":                         {hello(name(0, "shop.example")), Client{ServerName: "shop.example", Versions: []uint16{0x303}}},
		"a name of another kind":         {hello(name(1, "shop.example")), Client{Versions: []uint16{0x303}}},
		"a name with control characters": {hello(name(0, "shop\n.example")), Client{Versions: []uint16{0x303}}},
		"a name beyond ASCII":            {hello(name(0, "sh\u00f6p")), Client{Versions: []uint16{0x303}}},
		"an endless name":                {hello(name(0, strings.Repeat("a", 256))), Client{Versions: []uint16{0x303}}},
		"no name":                        {hello(extension(0, "")), Client{Versions: []uint16{0x303}}},
		"values without a meaning": {
			hello(extension(0x0a0a, "\x00"), offered, alpn("\x0a\x0a", "h2", "http/1.1"), extension(0xfafa, "")),
			Client{Versions: []uint16{0x304, 0x303}, Protocols: []string{"h2", "http/1.1"}},
		},
		"an encrypted hello within it": {
			hello(extension(0xfe0d, strings.Repeat("\x00", 200)), name(0, "public.example"), offered),
			Client{ServerName: "public.example", Versions: []uint16{0x304, 0x303}},
		},
		"too many protocols": {hello(alpn(many...)), Client{Versions: []uint16{0x303}, Protocols: many[:maxOffered]}},
		"an extension that is longer than it can be": {
			hello(name(0, "shop.example"), "\x00\x10\xff\xff\x00"), Client{ServerName: "shop.example", Versions: []uint16{0x303}},
		},
	} {
		t.Run(title, func(t *testing.T) {
			assert.Equal(t, test.want, parseClientHello(test.body))
			for cut := range test.body { // the beginning says nothing else
				got := parseClientHello(test.body[:cut])
				assert.True(t, got.ServerName == "" || got.ServerName == test.want.ServerName)
			}
		})
	}
}

// A message may be cut into records anywhere, as clients do against those who look for names in the first packet.
func TestAHelloMayComeInManyRecords(t *testing.T) {
	client, server, _ := peers(t, tls.VersionTLS13)
	pieces := converse(t, client, server)
	message := pieces[0].bytes[recordHeader:]
	for _, size := range []int{1, 3, 4, 5, 100} {
		var records bytes.Buffer
		for part := range slices.Chunk(message, size) {
			records.WriteString("\x16\x03\x01" + vector(2, string(part)))
		}
		o := observe(append([]piece{{true, records.Bytes()}}, pieces[1:]...))
		assert.Equal(t, Done, o.Step, "records of %d", size)
		assert.Equal(t, "shop.example", o.Client.ServerName)
		assert.Equal(t, "1.3", VersionName(o.Server.Version))
	}
}

func TestWhateverACertificateSaysIsText(t *testing.T) {
	der := newAuthority(t, "sh\u00f6p").certificate.Raw
	chain := func(der []byte) Chain { return parseCertificate([]byte(vector(3, vector(3, string(der))))) }
	want := chain(der)
	require.Equal(t, "CN=sh\u00f6p", want.Subject)
	for i := range der {
		assert.Equal(t, Chain{Length: 1}, chain(der[:i]), "the beginning of one is none")
		for _, flip := range []byte{0x01, 0x04, 0x08, 0x12, 0x1c, 0x80, 0xff} { // other types of strings among them
			changed := slices.Clone(der)
			changed[i] ^= flip
			got := chain(changed)
			require.True(t, utf8.ValidString(got.Subject) && utf8.ValidString(got.Issuer), "byte %d with %#x", i, flip)
		}
	}
}

func TestAListOfCertificatesIsReadAsFarAsItGoes(t *testing.T) {
	one := vector(3, "x")
	for body, want := range map[string]int{
		"":                                       0,
		"\x00\x00":                               0,
		vector(3, ""):                            0,
		vector(3, one+one):                       2,
		"\xff\xff\xff" + one:                     1, // the rest was not captured
		vector(3, "\xff\xff\xff"):                1, // one that was not captured
		vector(3, strings.Repeat(one, 1000)):     maxCertificates,
		vector(3, strings.Repeat("\x00", 3*100)): maxCertificates,
	} {
		assert.Equal(t, Chain{Length: want}, parseCertificate([]byte(body)), fmt.Sprintf("%.20q", body))
	}
}
