// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// rig runs the shipped programs, and those of bpf/unit.bpf.c, on packets that tests make (BPF_PROG_TEST_RUN). Nothing is
// attached, so no other packet comes in between. The kernel makes a socket for every run: whole, without ports, and not
// TCP's, which the programs take for one whose TCP misses no bytes.
type rig struct {
	objects *Objects
	unit    unitPrograms
	units   *ebpf.Map
	records *ringbuf.Reader
}

// underTest are the programs that run on packets, in the order of rig's under_test map.
func underTest(o *Objects) []*ebpf.Program {
	return []*ebpf.Program{
		o.ObserveIngress, o.ObserveEgress, o.EndPacket, o.ThinPacket, o.InterimPacket, o.DetectPacket, o.WalkSmall, o.WalkLarge,
		o.WalkRaw, o.RestPacket, o.SeekPacket, o.WalkTiny, o.RestStream,
	}
}

// Indexes of underTest.
const (
	observeIngress = iota
	observeEgress
	endPacket
	thinPacket
	interimPacket
	detectPacket
	walkSmall
	walkLarge
	walkRaw
)

// whole switches on all that can be on for a socket without ports.
func whole() Settings {
	settings := everything()
	settings.IncludePorts, settings.ExcludePorts, settings.RingBufferSize = nil, nil, 1<<20
	return settings
}

func newRig(t *testing.T, settings Settings) *rig {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: run as root")
	}
	objects, err := Load(settings)
	require.NoErrorf(t, err, "%+v", err)
	t.Cleanup(func() { assert.NoError(t, objects.Close()) })
	shipped, err := loadSocket()
	require.NoError(t, err)
	require.NoError(t, settings.apply(shipped))
	spec, err := loadUnit()
	require.NoError(t, err)
	shared := share(spec, shipped, objects)
	unit, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: shared})
	require.NoErrorf(t, err, "%+v", err)
	t.Cleanup(unit.Close)
	r := &rig{objects: objects, units: unit.Maps[unitMapUnits]}
	require.NoError(t, unit.Assign(&r.unit))
	t.Cleanup(func() { assert.NoError(t, r.unit.Close()) })
	t.Cleanup(func() { assert.NoError(t, r.units.Close()) })
	for i, program := range underTest(objects) {
		require.NoError(t, unit.Maps[unitMapUnderTest].Put(uint32(i), program))
	}
	r.records, err = ringbuf.NewReader(objects.Ring())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.records.Close()) })
	r.records.SetDeadline(time.Unix(1, 0)) // what is there is read, and nothing waited for
	return r
}

// share gives the unit programs the settings of the shipped ones, and returns the maps that they are to share.
func share(unit, shipped *ebpf.CollectionSpec, objects *Objects) map[string]*ebpf.Map {
	for name, variable := range shipped.Variables {
		if same := unit.Variables[name]; same != nil {
			same.Value = bytes.Clone(variable.Value)
		}
	}
	all := map[string]*ebpf.Map{}
	fields := reflect.ValueOf(objects.maps)
	for i := range fields.NumField() {
		all[fields.Type().Field(i).Tag.Get("ebpf")] = fields.Field(i).Interface().(*ebpf.Map)
	}
	maps.DeleteFunc(all, func(name string, _ *ebpf.Map) bool { return unit.Maps[name] == nil || strings.HasPrefix(name, ".") })
	for name := range all {
		unit.Maps[name] = shipped.Maps[name].Copy()
		unit.Maps[name].Contents = nil // as loaded, and not programs and maps of the other object
	}
	return all
}

// skb is struct __sk_buff, of which a test may set the control block.
type skb struct {
	_  [48]byte
	CB [5]uint32
	_  [124]byte
}

// run runs a program once on a socket without storage and returns what it returned. Ok is false if the kernel does not
// make such a packet.
func (r *rig) run(t *testing.T, program *ebpf.Program, packet []byte) (verdict uint32, ok bool) {
	t.Helper()
	verdict, err := program.Run(&ebpf.RunOptions{Data: packet})
	if errors.Is(err, unix.EINVAL) {
		return 0, false
	}
	require.NoError(t, err)
	return verdict, true
}

// seesPackets skips where the kernel shows programs of cgroup/skb no packets in BPF_PROG_TEST_RUN: these see an end of the
// packet that is before its beginning, and let it pass as unreadable.
func (r *rig) seesPackets(t *testing.T) {
	t.Helper()
	before := r.counter(t, "unreadable")
	_, ok := r.run(t, r.objects.ObserveIngress, segment{}.packet())
	require.True(t, ok)
	if r.counter(t, "unreadable") != before {
		t.Skip("needs BPF_PROG_TEST_RUN with direct access to packets of cgroup/skb: not in Linux 6.12, but in 6.18")
	}
}

// counter reads one of the counters of what was degraded.
func (r *rig) counter(t *testing.T, name string) uint64 {
	t.Helper()
	counters, err := r.objects.Counters()
	require.NoError(t, err)
	return counters.Degraded[name]
}

// give writes what the unit programs read.
func (r *rig) give(t *testing.T, unit *unitUnit) {
	t.Helper()
	require.NoError(t, r.units.Put(uint32(0), bytesOf(unit)))
}

// result reads what they wrote.
func (r *rig) result(t *testing.T) *unitUnit {
	t.Helper()
	found := &unitUnit{}
	require.NoError(t, r.units.Lookup(uint32(0), bytesOf(found)))
	return found
}

// ask runs a unit program and returns what it found; nil if the kernel does not make such a packet.
func (r *rig) ask(t *testing.T, program *ebpf.Program, unit *unitUnit, packet []byte) *unitUnit {
	t.Helper()
	r.give(t, unit)
	verdict, ok := r.run(t, program, packet)
	if !ok {
		return nil
	}
	require.EqualValues(t, 1, verdict, "of %v on % x", program, packet)
	return r.result(t)
}

// passes runs a program under test on a socket with that storage and demands that the packet is let through.
func (r *rig) passes(t *testing.T, program int, socket *unitUnit, control [5]uint32, packet []byte) {
	t.Helper()
	socket.Runs, socket.Program = 0, uint32(program)
	r.give(t, socket)
	verdict, err := r.unit.Stage.Run(&ebpf.RunOptions{Data: packet, Context: bytesOf(&skb{CB: control})})
	require.NoError(t, err)
	if verdict != 1 {
		t.Fatalf("program %d returned %d, which drops the packet % x", program, verdict, packet)
	}
}

// goOn does so, too, and then leaves in socket what the program made of it. It returns the records that were written.
func (r *rig) goOn(t *testing.T, program int, socket *unitUnit, packet []byte) [][]byte {
	t.Helper()
	r.passes(t, program, socket, [5]uint32{}, packet)
	for {
		r.drain(t)
		socket.Runs = 0
		r.give(t, socket)
		_, err := r.unit.Stage.Run(&ebpf.RunOptions{Data: packet, Repeat: 2})
		require.NoError(t, err)
		if after := r.result(t); after.Runs == 2 { // else a signal came between the two, and the kernel was asked again
			*socket = *after
			return r.drain(t)
		}
	}
}

// drain returns the records in the ring, every one of which package event must understand.
func (r *rig) drain(t *testing.T) [][]byte {
	t.Helper()
	var all [][]byte
	for {
		record, err := r.records.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return all
		}
		require.NoError(t, err)
		require.NoError(t, understand(record.RawSample), "% x", record.RawSample)
		all = append(all, record.RawSample)
	}
}

func understand(record []byte) error {
	switch event.KindOf(record) {
	case event.StreamData, event.StreamEnd:
		return new(event.Stream).Decode(record)
	case event.TCP:
		return new(event.Connection).Decode(record)
	}
	return new(event.Event).Decode(record)
}

// connection and stream view the storage of a socket.
func (u *unitUnit) connection() *socketConnection {
	return (*socketConnection)(unsafe.Pointer(&u.Socket.Connection))
}

func (u *unitUnit) stream() *socketStream {
	return (*socketStream)(unsafe.Pointer(&u.Socket.Stream))
}

// segment is a TCP segment that a test makes.
type segment struct {
	ip       []byte // options; multiples of 4 bytes
	options  []byte // of TCP; multiples of 4 bytes
	payload  []byte
	sequence uint32
	port     uint16 // of its sender, above 40000
	flags    byte
	six      bool // IPv6
	hop      bool // with a header hop by hop, as that of a packet above 64 KiB
	closed   bool // its window
}

// Flags of TCP.
const (
	fin = 1
	syn = 2
	rst = 4
	psh = 8
	ack = 16
)

const ethernet = 14 // bytes in front of what the programs see, which only BPF_PROG_TEST_RUN wants

// packet is the segment in a packet of the kind that BPF_PROG_TEST_RUN takes.
func (s segment) packet() []byte {
	p := make([]byte, ethernet, ethernet+100+len(s.payload))
	if s.six {
		p[12], p[13] = 0x86, 0xdd
		p = append(p, 0x60, 0, 0, 0, 0, 0, 6, 64)
		p = append(p, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
		p = append(p, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
		if s.hop {
			p[ethernet+6] = 0
			p = append(p, 6, 0, 0xc2, 4, 0, 0, 0, 0)
		}
	} else {
		p[12] = 8
		p = append(p, 0x45+byte(len(s.ip)/4), 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2)
		p = append(p, s.ip...)
	}
	window := uint16(1000)
	if s.closed {
		window = 0
	}
	p = binary.BigEndian.AppendUint16(p, 40000+s.port)
	p = binary.BigEndian.AppendUint16(p, 80)
	p = binary.BigEndian.AppendUint32(p, s.sequence)
	p = append(p, 0, 0, 0, 0, 0x50+byte(len(s.options)/4)<<4, s.flags)
	p = binary.BigEndian.AppendUint16(p, window)
	p = append(p, 0, 0, 0, 0)
	p = append(p, s.options...)
	return append(p, s.payload...)
}
