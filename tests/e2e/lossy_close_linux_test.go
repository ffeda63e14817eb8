// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The end of a connection overtakes what comes late of the response before it, when the server closes right behind that.
func TestEndsOfConnectionsThatOvertakeTheirResponses(t *testing.T) {
	const (
		clients = 12
		each    = 25
	)
	needRoot(t)
	w := newWire(t, faulty{reorder: 0.2})
	listener := w.ends[1].listen(t)
	answerAndClose(t, listener)
	addr := listener.Addr().String()
	p := capture(t, onlyPorts(t, addr))
	want := exchanges{}
	var all sync.WaitGroup
	for client := range clients {
		for i := range each {
			want[fmt.Sprintf("GET /last/%d/%d 200", client, i)]++
		}
		all.Go(func() { askOnceEach(t, w.ends[0], addr, client, each) })
	}
	all.Wait()
	p.finish(2 * want.total())
	p.compareStreams(want)
	checkErrors(t, p.spans)
	w.harmed(t, want.total())
}

// askOnceEach sends requests from within a namespace, each on an HTTP/2 connection of its own.
func askOnceEach(t *testing.T, from *namespace, addr string, number, requests int) {
	for i := range requests {
		transport := &http.Transport{
			DialContext: func(_ context.Context, _, addr string) (net.Conn, error) { return from.dial(addr) },
			Protocols:   new(http.Protocols),
		}
		transport.Protocols.SetUnencryptedHTTP2(true)
		client := http.Client{Transport: transport, Timeout: patience}
		err := ask(t.Context(), &client, "GET", "http://"+addr+"/last/"+strconv.Itoa(number)+"/"+strconv.Itoa(i), "")
		transport.CloseIdleConnections()
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// answerAndClose answers the first stream of every connection, and closes its side right behind that.
func answerAndClose(t *testing.T, listener net.Listener) {
	t.Helper()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				if err := answerLast(conn.(*net.TCPConn)); err != nil {
					t.Error(err)
				}
			})
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
}

// lastAnswer is SETTINGS, their acknowledgement, HEADERS with status 200 and DATA in several packets, the end of stream 1.
var lastAnswer = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x00\x04\x01\x00\x00\x00\x00" +
	"\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88" + "\x00\x20\x00\x00\x01\x00\x00\x00\x01" + strings.Repeat("z", 0x2000)

// answerLast waits for a request and answers it. What the client says after that is read, or the end would be a reset.
func answerLast(conn *net.TCPConn) (err error) {
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return fmt.Errorf("read the preface: %w", err)
	}
	for header := make([]byte, 9); header[3] != 1; { // HEADERS
		if _, err := io.ReadFull(conn, header); err != nil {
			return fmt.Errorf("read the request: %w", err)
		}
		length := binary.BigEndian.Uint32(append([]byte{0}, header[:3]...))
		if _, err := io.CopyN(io.Discard, conn, int64(length)); err != nil {
			return fmt.Errorf("read the request: %w", err)
		}
	}
	if _, err := io.WriteString(conn, lastAnswer); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if err := conn.CloseWrite(); err != nil {
		return fmt.Errorf("close behind the answer: %w", err)
	}
	_, _ = io.Copy(io.Discard, conn) // the client may reset
	return nil
}
