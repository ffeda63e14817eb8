// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
)

// Settings become constants of the programs and the sizes and contents of their maps.
type Settings struct {
	// Exchanges says that somebody reads exchange records.
	Exchanges bool
	// HTTP2 says whether connections that speak it are followed, TLS whether handshakes are.
	HTTP2, TLS bool
	// Limits are the upper bounds, in ns, of the buckets that durations are counted in; none: they are not counted.
	Limits []uint64
	// MaxSeries is how many series of durations there can be between two calls of DrainSeries.
	MaxSeries int
	// RingBufferSize is in bytes: a power of two, a multiple of the page size.
	RingBufferSize int
	// WakeupSize is how many bytes wait in the ring before its reader is woken.
	WakeupSize int
	// TellProcesses says that a process is told by an [event.Process] record when it makes its first socket.
	TellProcesses bool
	// Causes says that [event.Within] records tell within which exchange of a server its process called others.
	Causes bool
	// Rests says that connections may be made to rest; see [Objects.Rest].
	Rests bool
	// Idle says that a [Sweeper] may take away the state of idle connections.
	Idle bool
	// TCPRows is how many rows TCP connections are counted in, beside those for what finds no room; 0: they are not
	// counted.
	TCPRows int
	// TCPBounds are the upper bounds of the buckets of TCP's durations, ascending, 16 at most, in whole microseconds.
	TCPBounds []time.Duration
	// TCPLogs says that TCP connections that end badly are told by an [event.TCP] record each.
	TCPLogs bool
	// DetectMessages is how many messages of a connection may be of an unknown protocol, 1 to 255.
	DetectMessages int
	// IncludePorts and ExcludePorts list server ports. An empty IncludePorts admits all.
	IncludePorts, ExcludePorts []uint16
	// IncludePeers and ExcludePeers list prefixes of peer addresses. An empty IncludePeers admits all.
	IncludePeers, ExcludePeers []netip.Prefix
}

// Objects are the loaded programs and the maps that user space reads or writes. Close it once; not safe for concurrent
// use.
type Objects struct {
	socketPrograms
	maps      socketMaps
	variables socketVariables
	series    seriesMaps
}

// Load puts the programs into the kernel; nothing runs before they are attached. On an error nothing stays loaded. A
// verifier error prints the whole log with %+v.
func Load(settings Settings) (*Objects, error) {
	// Kernels before 5.11 charge maps to RLIMIT_MEMLOCK, whose default of 64 KiB is less than the ring.
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("raise RLIMIT_MEMLOCK for the maps: %w", err)
	}
	spec, err := loadSocket()
	if err != nil {
		return nil, fmt.Errorf("read BPF object: %w", err)
	}
	if err := settings.apply(spec); err != nil {
		return nil, err
	}
	var loaded socketObjects
	if err := spec.LoadAndAssign(&loaded, nil); err != nil {
		return nil, fmt.Errorf("load BPF programs: %w", err)
	}
	objects := &Objects{socketPrograms: loaded.socketPrograms, maps: loaded.socketMaps, variables: loaded.socketVariables}
	if err := errors.Join(settings.fill(&objects.maps), objects.fillSeries(&settings)); err != nil {
		return nil, errors.Join(err, objects.Close())
	}
	return objects, nil
}

// apply writes the settings that must be known before the programs are verified.
func (s *Settings) apply(spec *ebpf.CollectionSpec) error {
	spec.Maps[socketMapRing].MaxEntries = uint32(s.RingBufferSize)
	spec.Maps[socketMapTcpRows].MaxEntries = uint32(2 * (s.TCPRows + 1)) // each may have another one, of what was scaled
	spec.Maps[socketMapAddressInclude].MaxEntries = uint32(max(1, len(s.IncludePeers)))
	spec.Maps[socketMapAddressExclude].MaxEntries = uint32(max(1, len(s.ExcludePeers)))
	for name, value := range map[string]any{
		socketVarKnobWakeupBytes:    uint32(s.WakeupSize),
		socketVarKnobHttp2:          flag(s.HTTP2),
		socketVarKnobTls:            flag(s.TLS),
		socketVarKnobDetectMessages: uint8(s.DetectMessages),
		socketVarKnobExchanges:      flag(s.Exchanges),
		socketVarKnobTellProcesses:  flag(s.TellProcesses),
		socketVarKnobCauses:         flag(s.Causes),
		socketVarKnobRest:           flag(s.Rests),
		socketVarKnobIdle:           flag(s.Idle),
		socketVarKnobTcpMetrics:     flag(s.TCPRows > 0),
		socketVarKnobTcpLogs:        flag(s.TCPLogs),
		socketVarKnobTcpBounds:      tcpBounds(s.TCPBounds),
		socketVarKnobRingShift:      uint8(max(4, bits.TrailingZeros32(uint32(s.RingBufferSize))) - 4),
		socketVarKnobPortInclude:    flag(len(s.IncludePorts) > 0),
		socketVarKnobPortExclude:    flag(len(s.ExcludePorts) > 0),
		socketVarKnobAddressInclude: flag(len(s.IncludePeers) > 0),
		socketVarKnobAddressExclude: flag(len(s.ExcludePeers) > 0),
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s to %v: %w", name, value, err)
		}
	}
	return s.applySeries(spec)
}

func flag(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}

// fill writes the filters' contents.
func (s *Settings) fill(maps *socketMaps) error {
	var sets socketPortSets
	for _, port := range s.IncludePorts {
		sets.Include[port>>3] |= 1 << (port & 7)
	}
	for _, port := range s.ExcludePorts {
		sets.Exclude[port>>3] |= 1 << (port & 7)
	}
	if err := maps.Ports.Put(uint32(0), &sets); err != nil {
		return fmt.Errorf("write port filter: %w", err)
	}
	return errors.Join(
		putOverflow(maps.TcpRows),
		putPrefixes(maps.AddressInclude, s.IncludePeers),
		putPrefixes(maps.AddressExclude, s.ExcludePeers),
	)
}

func putPrefixes(trie *ebpf.Map, prefixes []netip.Prefix) error {
	for _, prefix := range prefixes {
		length, version := 32+prefix.Bits(), uint32(6)
		if prefix.Addr().Is4() {
			length, version = length+96, 4 // the programs know IPv4 addresses as ::ffff:a.b.c.d
		}
		key := socketAddressPrefix{Bits: uint32(length), Version: version, Address: prefix.Addr().As16()}
		if err := trie.Put(&key, uint8(1)); err != nil {
			return fmt.Errorf("write address filter %s: %w", prefix, err)
		}
	}
	return nil
}

// Ring is the ring buffer that the programs write [event.Event] records to.
func (o *Objects) Ring() *ebpf.Map { return o.maps.Ring }

// Close unloads the programs, unless they are still attached, and frees the maps.
func (o *Objects) Close() error {
	return errors.Join(o.socketPrograms.Close(), o.maps.Close())
}
