// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
)

// Probe is the attached programs.
type Probe struct {
	links []link.Link
}

// attachment is one program at one hook.
type attachment struct {
	hook    ebpf.AttachType
	program *ebpf.Program
}

// Attach attaches the programs to the cgroups at paths, which none may contain another: a socket within both would be
// seen twice. First come the programs that note owners, then, by calling noted, whatever tells the owners of older
// sockets, and last those that look at packets, so that no connection is seen before its owner can be known. On an
// error nothing stays attached.
func Attach(objects *bpfobj.Objects, paths []string, noted func() error) (*Probe, error) {
	p := &Probe{}
	owners := []attachment{
		{ebpf.AttachCGroupInetSockCreate, objects.OwnCreate},
		{ebpf.AttachCGroupInet4PostBind, objects.OwnBind4},
		{ebpf.AttachCGroupInet6PostBind, objects.OwnBind6},
		{ebpf.AttachCGroupInet4Connect, objects.OwnConnect4},
		{ebpf.AttachCGroupInet6Connect, objects.OwnConnect6},
		{ebpf.AttachCgroupInet4GetPeername, objects.OwnAccept4},
		{ebpf.AttachCgroupInet6GetPeername, objects.OwnAccept6},
	}
	packets := []attachment{
		{ebpf.AttachCgroupInetSockRelease, objects.FollowRelease},
		{ebpf.AttachCGroupSockOps, objects.FollowState},
		{ebpf.AttachCGroupInetIngress, objects.ObserveIngress},
		{ebpf.AttachCGroupInetEgress, objects.ObserveEgress},
	}
	if err := p.attach(paths, owners); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if err := errors.Join(noted(), p.attach(paths, packets)); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Probe) attach(paths []string, attachments []attachment) error {
	for _, path := range paths {
		if err := checkCgroup(path); err != nil {
			return err
		}
		for _, a := range attachments {
			l, err := link.AttachCgroup(link.CgroupOptions{Path: path, Attach: a.hook, Program: a.program})
			if err != nil {
				return fmt.Errorf("attach %s to cgroup %q: %w", a.hook, path, err)
			}
			p.links = append(p.links, l)
		}
	}
	return nil
}

// Close detaches the programs, the last attached first.
func (p *Probe) Close() error {
	var errs []error
	for _, l := range slices.Backward(p.links) {
		errs = append(errs, l.Close())
	}
	p.links = nil
	return errors.Join(errs...)
}
