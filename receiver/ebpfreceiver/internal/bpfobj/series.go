// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// Series is durations that the programs counted since they were last drained, of exchanges that have this in common.
type Series struct {
	Owner    event.Owner
	CgroupID uint64
	// Server is where the requests went. Its address is not valid at the server itself.
	Server  netip.AddrPort
	Method  string // as sent, or _OTHER
	Status  uint16 // 0: none
	Minor   uint8  // second number of the response's version; of no meaning without a status
	Failure event.Flags
	Client  bool
	// Overflow says that these are exchanges of one side that found no room to be told apart.
	Overflow bool
	// Scaled says that connections rested, and each exchange was counted as often as it stands for.
	Scaled bool
	// Sum is in ns. It and the counts can be negative.
	Sum    int64
	Counts []int64 // by bucket; valid until the next series
}

// Both sizes of struct series; the kernel keeps no more buckets than are needed.
type (
	seriesHead struct {
		CgroupID, CreatedNs uint64
		Comm                [16]byte
		SumNs               int64
	}
	seriesFew struct {
		seriesHead
		Buckets [16]int32
	}
	seriesMany struct {
		seriesHead
		Buckets [256]int32
	}
)

func (s *seriesFew) parts() (*seriesHead, []int32)  { return &s.seriesHead, s.Buckets[:] }
func (s *seriesMany) parts() (*seriesHead, []int32) { return &s.seriesHead, s.Buckets[:] }

// bucketRoom returns for how many buckets of so many limits there is to be room.
func bucketRoom(limits int) uint32 {
	if limits < len(seriesFew{}.Buckets) {
		return uint32(len(seriesFew{}.Buckets))
	}
	return uint32(len(seriesMany{}.Buckets))
}

// seriesSize is the size of struct series with so many buckets.
func seriesSize(buckets uint32) uint32 { return 40 + 4*buckets }

// noLimit stands for a bucket that is not used.
const noLimit = 1 << 62

// applySeries sizes the maps for counted durations.
func (s *Settings) applySeries(spec *ebpf.CollectionSpec) error {
	room := bucketRoom(len(s.Limits))
	if len(s.Limits) >= int(room) {
		return fmt.Errorf("set bucket limits: %d, there is room for %d", len(s.Limits), room-1)
	}
	limits := [len(seriesMany{}.Buckets)]uint64{}
	for i := range limits {
		limits[i] = noLimit
	}
	copy(limits[:], s.Limits)
	for name, value := range map[string]any{
		socketVarKnobMetrics:      flag(len(s.Limits) > 0),
		socketVarKnobBucketMask:   room - 1,
		socketVarKnobBucketLimits: limits,
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	first, second, empty := spec.Maps[socketMapSeriesFirst], spec.Maps[socketMapSeriesSecond], spec.Maps[socketMapSeriesEmpty]
	for _, m := range []*ebpf.MapSpec{first, second, spec.Maps[socketMapSeriesActive].InnerMap} {
		m.MaxEntries = uint32(max(len(overflowKeys())+2, s.MaxSeries))
	}
	for _, m := range []*ebpf.MapSpec{first, second, empty, spec.Maps[socketMapSeriesActive].InnerMap} {
		m.ValueSize = seriesSize(room)
		m.Key, m.Value = nil, nil // the object's type has room for all buckets
	}
	return nil
}

// overflowKeys are the keys of the series for what finds no room.
func overflowKeys() (all []socketSeriesKey) {
	for _, side := range []socketEventSide{socketEventSideSIDE_SERVER, socketEventSideSIDE_CLIENT} {
		for scaled := range uint8(2) {
			all = append(all, socketSeriesKey{Side: uint8(side), Method: uint8(socketMethodSERIES_OVERFLOW), Scaled: scaled})
		}
	}
	return all
}

// seriesMaps are the two maps of series and which of them the programs count in.
type seriesMaps struct {
	maps   [2]*ebpf.Map
	active int
	many   bool
}

// fillSeries makes the series for what finds no room.
func (o *Objects) fillSeries(settings *Settings) error {
	o.series = seriesMaps{
		maps: [2]*ebpf.Map{o.maps.SeriesFirst, o.maps.SeriesSecond},
		many: bucketRoom(len(settings.Limits)) > uint32(len(seriesFew{}.Buckets)),
	}
	for _, m := range o.series.maps {
		for _, key := range overflowKeys() {
			if err := o.series.reset(m, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// reset makes a series empty.
func (s *seriesMaps) reset(m *ebpf.Map, key socketSeriesKey) error {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("count processors: %w", err)
	}
	var empty any = make([]seriesFew, cpus)
	if s.many {
		empty = make([]seriesMany, cpus)
	}
	if err := m.Put(&key, empty); err != nil {
		return fmt.Errorf("write series: %w", err)
	}
	return nil
}

// DrainSeries hands everything that was counted since the last call to visit. While it reads one map, the programs count
// in the other. Not safe for concurrent use.
func (o *Objects) DrainSeries(visit func(*Series)) error {
	s := &o.series
	full, next := s.maps[s.active], s.maps[1-s.active]
	// The kernel returns when no program counts in the old one any more.
	if err := o.maps.SeriesActive.Put(uint32(0), next); err != nil {
		return fmt.Errorf("exchange maps of series: %w", err)
	}
	s.active = 1 - s.active
	var used []socketSeriesKey
	var err error
	if s.many {
		used, err = drain[seriesMany](full, visit)
	} else {
		used, err = drain[seriesFew](full, visit)
	}
	if err != nil {
		return err
	}
	var errs []error
	for i := range used {
		if used[i].Method == uint8(socketMethodSERIES_OVERFLOW) {
			errs = append(errs, s.reset(full, used[i]))
		} else if err := full.Delete(&used[i]); err != nil {
			errs = append(errs, fmt.Errorf("delete series: %w", err))
		}
	}
	return errors.Join(errs...)
}

// drain visits all of a map and returns its keys.
func drain[V any, P interface {
	*V
	parts() (*seriesHead, []int32)
}](m *ebpf.Map, visit func(*Series)) (used []socketSeriesKey, err error) {
	var key socketSeriesKey
	var values []V
	var series Series
	for entries := m.Iterate(); entries.Next(&key, &values); {
		used = append(used, key)
		series.describe(&key)
		for i := range values {
			series.add(P(&values[i]).parts())
		}
		if series.counted() {
			visit(&series)
		}
		if err = entries.Err(); err != nil {
			return nil, fmt.Errorf("read series: %w", err)
		}
	}
	return used, nil
}

// How a socket came to its owner, of bpf/event.h.
const (
	ownerInherited = 1 // OWNER_INHERITED
	ownerAccepted  = 2 // OWNER_ACCEPTED
)

// describe begins a series with what its key says.
func (s *Series) describe(key *socketSeriesKey) {
	*s = Series{
		Owner:    event.Owner{PID: key.Pid, Inherited: key.Inherited == ownerInherited},
		Method:   methodName(socketMethod(key.Method)),
		Status:   key.Status,
		Minor:    key.Minor,
		Failure:  event.Flags(key.Failure),
		Client:   key.Side == uint8(socketEventSideSIDE_CLIENT),
		Overflow: key.Method == uint8(socketMethodSERIES_OVERFLOW),
		Scaled:   key.Scaled != 0,
		Counts:   s.Counts,
	}
	var server netip.Addr
	if s.Client {
		server = netip.AddrFrom16(key.Address).Unmap()
	}
	s.Server = netip.AddrPortFrom(server, key.Port)
	clear(s.Counts)
}

// add adds what one processor counted.
func (s *Series) add(head *seriesHead, buckets []int32) {
	if head.CreatedNs != 0 || head.CgroupID != 0 || head.Comm != [16]byte{} {
		s.Owner.Created, s.Owner.Comm, s.CgroupID = head.CreatedNs, head.Comm, head.CgroupID
	}
	if s.Counts == nil {
		s.Counts = make([]int64, len(buckets))
	}
	s.Sum += head.SumNs
	for i, n := range buckets {
		s.Counts[i] += int64(n)
	}
}

// counted says whether anything happened.
func (s *Series) counted() bool {
	if s.Sum != 0 {
		return true
	}
	for _, n := range s.Counts {
		if n != 0 {
			return true
		}
	}
	return false
}

// methodName returns a method as semantic conventions have it: as it is sent, or _OTHER.
func methodName(method socketMethod) string {
	switch method {
	case socketMethodMETHOD_GET:
		return "GET"
	case socketMethodMETHOD_PUT:
		return "PUT"
	case socketMethodMETHOD_POST:
		return "POST"
	case socketMethodMETHOD_HEAD:
		return "HEAD"
	case socketMethodMETHOD_PATCH:
		return "PATCH"
	case socketMethodMETHOD_TRACE:
		return "TRACE"
	case socketMethodMETHOD_DELETE:
		return "DELETE"
	case socketMethodMETHOD_OPTIONS:
		return "OPTIONS"
	case socketMethodMETHOD_CONNECT:
		return "CONNECT"
	case socketMethodMETHOD_QUERY:
		return "QUERY"
	case socketMethodMETHOD_OTHER:
		return "_OTHER"
	}
	return ""
}
