// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tls

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/protocoltest"
)

// small is a limit that messages of the seeds exceed.
const small = 256

// listener is one direction.
type listener struct {
	reader *Reader
	found  []string
}

func (l *listener) Feed(input []byte) {
	err := l.reader.Feed(input, func(m *Message) {
		text := fmt.Sprintf("%d %d %d %t %x", m.Kind, m.Type, m.Length, m.Cut, m.Body)
		switch m.Kind {
		case ClientHello:
			text += fmt.Sprintf(" %+v", parseClientHello(m.Body))
		case ServerHello:
			hello, ok := parseServerHello(m.Body)
			text += fmt.Sprintf(" %+v %t", hello, ok)
		case Certificate:
			text += fmt.Sprintf(" %+v", parseCertificate(m.Body))
		}
		l.found = append(l.found, text)
	})
	if err != nil && (len(l.found) == 0 || l.found[len(l.found)-1] != err.Error()) {
		l.found = append(l.found, err.Error())
	}
}

func (l *listener) Log() []string { return l.found }

func (l *listener) Size() int { return l.reader.Size() }

// seeds returns what each end of a connection between two Go programs sent, and oddities.
func seeds(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.tls"))
	require.NoError(tb, err)
	require.Len(tb, files, 4)
	all := []string{"\x15\x03\x01\x00\x02\x02\x28", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x00\x14\x03\x03\x00\x01\x01", ""}
	for _, file := range files {
		stream, err := os.ReadFile(file)
		require.NoError(tb, err)
		all = append(all, string(stream))
	}
	return all
}

func suite(tb testing.TB) protocoltest.Stream {
	return protocoltest.Stream{
		New:   func() protocoltest.StreamParser { return &listener{reader: NewReader(small, false)} },
		Seeds: seeds(tb), MaxSize: 2*small + 64,
	}
}

func TestStreamsConform(t *testing.T) { protocoltest.RunStream(t, suite(t)) }

func FuzzStream(f *testing.F) {
	s := suite(f)
	for _, seed := range s.Seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) { protocoltest.CheckStream(t, s, input) })
}

// FuzzObserver feeds both directions with anything.
func FuzzObserver(f *testing.F) {
	all := seeds(f)
	f.Add([]byte(all[4]), []byte(all[6]))
	f.Add([]byte(all[5]), []byte(all[7]))
	f.Fuzz(func(t *testing.T, client, server []byte) {
		o := NewObserver(small, false)
		half := len(server) / 2
		o.Feed(true, 1, client)
		o.Feed(false, 2, server[:half])
		o.Feed(true, 3, client)
		o.Feed(false, 4, server[half:])
		o.Close(false, 5, Closed)
		assert.LessOrEqual(t, o.End, int64(5))
		assert.False(t, o.AlertSeen && o.AlertEncrypted)
		assert.LessOrEqual(t, o.Size(), 2*(2*small+64))
	})
}

func TestTheBeginningOfARecordIsKnown(t *testing.T) {
	for text, want := range map[string]bool{
		"\x16\x03\x01\x02\x00\x01": true, "\x15\x03\x03\x00\x02\x02": true, "GET / HT": false, "\x16\x03": false,
		"\x16\x03\x05\x02\x00\x01": false, "\x18\x03\x01\x00\x01\x00": false, "\x16\x03\x01\xff\x00\x01": false,
	} {
		assert.Equal(t, want, IsRecord([]byte(text)), "%q", text)
	}
}

// BenchmarkHandshake reads both directions of a handshake whose certificate is not encrypted, and of one whose is.
func BenchmarkHandshake(b *testing.B) {
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		client, server, _ := peers(b, version)
		pieces := converse(b, client, server)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if observe(pieces).Step != Done {
					b.Fatal("not read")
				}
			}
		})
	}
}
