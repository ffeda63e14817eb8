// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// exchangeRecord builds a record by the layout drawn in the package comment.
func exchangeRecord(request, response string) []byte {
	r := make([]byte, 152, 152+len(request)+len(response))
	le := binary.LittleEndian
	le.PutUint64(r[0:], 11)
	le.PutUint64(r[8:], 12)
	le.PutUint64(r[16:], 13)
	le.PutUint32(r[24:], 14)
	r[28], r[29], r[30], r[31] = byte(Exchange), 1, byte(ChunkEnd|Reset), 3
	for i := range 5 {
		le.PutUint64(r[32+8*i:], uint64(20+i))
	}
	le.PutUint64(r[72:], 30)
	le.PutUint32(r[80:], 31)
	copy(r[88:], "curl")
	copy(r[104:], netip.MustParseAddr("::ffff:127.0.0.1").AsSlice())
	copy(r[120:], netip.MustParseAddr("2001:db8::1").AsSlice())
	le.PutUint16(r[136:], 80)
	le.PutUint16(r[138:], 40000)
	le.PutUint16(r[140:], uint16(len(request)))
	le.PutUint16(r[142:], uint16(len(response)))
	return append(append(r, request...), response...)
}

func TestDecodeReadsEveryFieldOfAnExchangeRecord(t *testing.T) {
	var e Event
	require.NoError(t, e.Decode(exchangeRecord("GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n")))
	assert.Equal(t, Event{
		Cookie: 11, Time: 12, ResponseBytes: 13, Number: 14, Kind: Exchange, Client: true, Flags: ChunkEnd | Reset, Scale: 3,
		RequestTime: 20, RequestBytes: 21, PreviousTime: 22, PreviousBytes: 23, CgroupID: 24,
		Owner: Owner{Created: 30, PID: 31, Comm: [16]byte{'c', 'u', 'r', 'l'}},
		Local: netip.MustParseAddrPort("127.0.0.1:80"), Peer: netip.MustParseAddrPort("[2001:db8::1]:40000"),
		Request: []byte("GET / HTTP/1.1\r\n"), ResponseHead: []byte("HTTP/1.1 200 OK\r\n"),
	}, e)
	assert.True(t, e.Flags.Ended())
}

func TestDecodeClearsWhatTheLastRecordLeft(t *testing.T) {
	var e Event
	require.NoError(t, e.Decode(exchangeRecord("GET", "HTTP")))
	progress := make([]byte, 32)
	progress[28] = byte(Progress)
	require.NoError(t, e.Decode(progress))
	assert.Equal(t, Event{Kind: Progress}, e)
}

func TestDecodeResponseRecord(t *testing.T) {
	record := make([]byte, 40)
	record[28] = byte(Response)
	binary.LittleEndian.PutUint32(record[32:], 4)
	var e Event
	require.NoError(t, e.Decode(append(record, "HTTP and room that the kernel did not fill"...)))
	assert.Equal(t, "HTTP", string(e.ResponseHead))
}

func TestDecodeRefusesRecordsThatLie(t *testing.T) {
	long := exchangeRecord("GET", "HTTP")
	heavy := exchangeRecord("GET", "HTTP")
	heavy[31] = maxScale + 1
	for name, record := range map[string][]byte{
		"empty":                          nil,
		"shorter than any record":        long[:31],
		"unknown kind":                   make([]byte, 32),
		"exchange without its body":      long[:151],
		"exchange with too little bytes": long[:len(long)-1],
		"exchange of too many":           heavy,
		"response without its length":    append(append([]byte{}, make([]byte, 28)...), byte(Response), 0, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			var e Event
			assert.Error(t, e.Decode(record))
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(exchangeRecord("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"))
	f.Add(make([]byte, 32))
	f.Fuzz(func(t *testing.T, record []byte) {
		var e Event
		if e.Decode(record) != nil {
			return
		}
		if len(e.Request)+len(e.ResponseHead) > len(record) {
			t.Fatalf("captured %d+%d bytes out of a record of %d", len(e.Request), len(e.ResponseHead), len(record))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	record := exchangeRecord("GET /index.html HTTP/1.1\r\nHost: shop\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	var e Event
	b.ReportAllocs()
	b.SetBytes(int64(len(record)))
	for b.Loop() {
		if err := e.Decode(record); err != nil {
			b.Fatal(err)
		}
	}
}
