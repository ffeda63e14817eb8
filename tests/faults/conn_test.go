// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"encoding/binary"
	"io"
	"net"
	"reflect"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// step is a moment in the life of a request at which something goes wrong.
type step int

const (
	// The connection is cut.
	beforeRequest step = iota // while idle, so that the next request is written into nothing
	startRequest              // the request has begun, the broker gets none of it
	midRequest                // the broker gets half of the request
	afterRequest              // the request was sent in full, but dies in front of the broker
	afterAppend               // the broker did everything, its answer is lost
	midResponse               // half of the answer arrives
	cuts
)

const (
	// The connection stays open, but carries nothing any more.
	stallRequest    = cuts + iota // the broker gets half of the request
	swallowRequest                // the broker gets nothing
	swallowResponse               // the broker did everything, its answer never arrives
	stallResponse                 // half of the answer arrives
	// Nothing happens to the connection.
	lateResponse // the answer arrives when nobody waits for it any more
	steps
	wrongAnswer // the broker did everything, but answers an error
)

func (s step) String() string {
	return [...]string{
		"before the request is written", "at the first byte of the request", "in the middle of the request",
		"after the request, before the broker", "after the broker appended, before the response", "in the middle of the response", "",
		"silence in the middle of the request", "silence instead of the broker", "silence instead of the answer",
		"silence in the middle of the answer", "a late answer", "", "an error although it is done",
	}[s]
}

// cutConn stands between client and broker and knows where requests and answers begin.
type cutConn struct {
	net.Conn
	scissors *scissors

	pending []byte       // of a request, for the broker to read
	then    func() error // what follows when pending is used up, nil for the next request

	closing sync.Once
	closed  chan struct{}

	mu     sync.Mutex
	silent bool            // answers vanish
	doomed map[uint32]doom // by correlation id
}

// doom is what becomes of the answer to a request.
type doom struct {
	fault
	key, version int16
}

// Read hands requests to the broker.
func (c *cutConn) Read(b []byte) (int, error) {
	if len(c.pending) == 0 {
		if c.then != nil {
			return 0, c.then()
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

// fill reads the next request from the client.
func (c *cutConn) fill() error {
	head := make([]byte, 12) // size, key, version, correlation id
	if _, err := io.ReadFull(c.Conn, head); err != nil {
		return err
	}
	key := int16(binary.BigEndian.Uint16(head[4:]))
	f, faulty := c.scissors.next(kmsg.Key(key))
	if faulty && f.at == startRequest {
		return c.cut()
	}
	frame := make([]byte, 4+binary.BigEndian.Uint32(head))
	copy(frame, head)
	if _, err := io.ReadFull(c.Conn, frame[len(head):]); err != nil {
		return err
	}
	c.pending = frame
	if !faulty {
		return nil
	}
	switch f.at {
	case midRequest:
		c.pending, c.then = frame[:len(frame)/2], c.cut
	case stallRequest:
		c.pending, c.then = frame[:len(frame)/2], c.drain
	case afterRequest:
		return c.cut()
	case swallowRequest:
		return c.drain()
	default:
		c.mu.Lock()
		c.doomed[binary.BigEndian.Uint32(head[8:])] = doom{f, key, int16(binary.BigEndian.Uint16(head[6:]))}
		c.mu.Unlock()
	}
	return nil
}

// Write hands an answer to the client; the broker writes each in one piece.
func (c *cutConn) Write(b []byte) (int, error) {
	id := binary.BigEndian.Uint32(b[4:])
	c.mu.Lock()
	d, doomed := c.doomed[id]
	delete(c.doomed, id)
	silent := c.silent
	c.silent = silent || doomed && (d.at == swallowResponse || d.at == stallResponse)
	c.mu.Unlock()
	if silent {
		return len(b), nil
	}
	if !doomed {
		return c.Conn.Write(b)
	}
	return c.doom(d, b)
}

// doom spoils an answer.
func (c *cutConn) doom(d doom, b []byte) (int, error) {
	switch d.at {
	case swallowResponse:
		return len(b), nil
	case stallResponse:
		_, err := c.Conn.Write(b[:len(b)/2])
		return len(b), err
	case lateResponse:
		timer := time.NewTimer(c.scissors.late)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.closed:
		}
		return c.Conn.Write(b)
	case wrongAnswer:
		_, err := c.Conn.Write(withError(d, b))
		return len(b), err
	case beforeRequest:
		if n, err := c.Conn.Write(b); err != nil {
			return n, err
		}
	case midResponse:
		if n, err := c.Conn.Write(b[:len(b)/2]); err != nil {
			return n, err
		}
	}
	return 0, c.cut()
}

// Close also ends the wait of a late answer.
func (c *cutConn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *cutConn) cut() error {
	if err := c.Close(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

// drain takes what the client sends until it hangs up.
func (c *cutConn) drain() error {
	if _, err := io.Copy(io.Discard, c.Conn); err != nil {
		return err
	}
	return c.cut()
}

// withError puts an error code into every place of an answer that has room for one and holds none: what the broker refused
// was not done, and stays refused.
func withError(d doom, b []byte) []byte {
	response := kmsg.ResponseForKey(d.key)
	response.SetVersion(d.version)
	head := 8 // size and correlation id
	if response.IsFlexible() && kmsg.Key(d.key) != kmsg.ApiVersions {
		head++ // no tags
	}
	if err := response.ReadFrom(b[head:]); err != nil {
		return nil // the exporter would wait in vain, and the test with it
	}
	setErrors(reflect.ValueOf(response).Elem(), d.code)
	spoilt := response.AppendTo(append([]byte(nil), b[:head]...))
	binary.BigEndian.PutUint32(spoilt, uint32(len(spoilt)-4))
	return spoilt
}

func setErrors(v reflect.Value, code int16) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			setErrors(v.Index(i), code)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "ErrorCode" {
				if v.Field(i).Int() == 0 {
					v.Field(i).SetInt(int64(code))
				}
			} else if v.Type().Field(i).IsExported() {
				setErrors(v.Field(i), code)
			}
		}
	}
}
