// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"errors"
	"fmt"
	"net"
)

// FreeAddrs returns n different addresses, host:port, of 127.0.0.1 that nothing listens on. Another process may take
// one before the caller does; prefer to listen on port 0 where the listener can tell its address.
func FreeAddrs(n int) ([]string, error) {
	var errs []error
	addrs := make([]string, 0, n)
	// All are held until the last one is found, or the system could give the same one twice.
	listeners := make([]net.Listener, 0, n)
	for range n {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
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
