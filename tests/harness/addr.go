// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// The ports that FreeAddrs chooses from lie below the range from which Linux serves port 0 and outgoing connections
// (net.ipv4.ip_local_port_range, 32768 to 60999 unless set): only who asks for just that port can take it.
const (
	firstPort = 20000
	endPort   = 32768
)

// FreeAddrs returns n different addresses, host:port, of 127.0.0.1 that nothing listens on. Another process may take
// one before the caller does, though that is unlikely; prefer to listen on port 0 where the listener can tell its
// address.
func FreeAddrs(n int) ([]string, error) {
	var errs []error
	addrs := make([]string, 0, n)
	// All are held until the last one is found, or the same one could be found twice.
	listeners := make([]net.Listener, 0, n)
	for range n {
		listener, err := listenAnywhere()
		if err != nil {
			errs = append(errs, fmt.Errorf("find a free port: %w", err))
			break
		}
		listeners = append(listeners, listener)
		addrs = append(addrs, listener.Addr().String())
	}
	for _, listener := range listeners {
		errs = append(errs, listener.Close())
	}
	return addrs, errors.Join(errs...)
}

// listenAnywhere fails only when a hundred ports in a row cannot be listened on.
func listenAnywhere() (listener net.Listener, err error) {
	for range 100 {
		port := uint16(firstPort + rand.IntN(endPort-firstPort))
		addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port))
		if listener, err = net.ListenTCP("tcp4", addr); err == nil {
			return listener, nil
		}
	}
	return nil, err
}
