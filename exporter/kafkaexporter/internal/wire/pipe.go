// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// Depth is the number of produce requests that may be unanswered on one pipe. Brokers remember the last five batches
// of a producer and partition; with more in flight a repeated batch might not be recognized.
const Depth = 5

// Handler hears what happens to a pipe's requests. Its methods are called from the pipe's goroutines, one at a time.
type Handler interface {
	// Answered is called once for each request that the broker answered, in the order of the requests. A request
	// with acks 0 counts as answered, without results, when it is written.
	Answered(r *Request, a Answer)
	// Closed is called once, as the last call. Requests without an answer have an unknown outcome. err is nil only if
	// Close was called before anything failed.
	Closed(err error)
}

// Pipe is a connection to one broker that carries produce requests. Send and Close are safe for concurrent use.
type Pipe struct {
	link    *link
	version int16
	handler Handler
	// wait is how long the broker may take for an answer.
	wait time.Duration

	send     chan *Request
	written  chan sent
	quit     chan struct{}
	quitOnce sync.Once
	done     chan struct{}

	failure struct {
		sync.Mutex
		first error
	}
	// pending guards the read deadline, which both goroutines move.
	pending struct {
		sync.Mutex
		count int
	}
}

// sent is a request that was written, and the id that its answer must carry.
type sent struct {
	request *Request
	id      int32
}

// DialPipe connects to a broker. Start sets the pipe going; Close ends it whether it was started or not. wait bounds the
// time from writing a request (or its predecessor's answer, if that is later) to its answer. With zstd, brokers that do
// not know that codec are refused.
func (d *Dialer) DialPipe(ctx context.Context, address string, zstd bool, wait time.Duration) (*Pipe, error) {
	l, err := d.dial(ctx, address)
	if err != nil {
		return nil, err
	}
	version := l.versions[protocol.Produce]
	if zstd && version < zstdProduceVersion {
		return nil, errors.Join(fmt.Errorf("connect to broker %q: it is too old for zstd, which needs Kafka 2.1", address), l.conn.Close())
	}
	if err := l.conn.SetDeadline(time.Time{}); err != nil {
		return nil, errors.Join(fmt.Errorf("clear deadline: %w", err), l.conn.Close())
	}
	return newPipe(l, version, wait), nil
}

func newPipe(l *link, version int16, wait time.Duration) *Pipe {
	return &Pipe{
		link: l, version: version, wait: wait,
		send: make(chan *Request, Depth), written: make(chan sent, Depth),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
}

// Start starts the pipe's goroutines, which end after Close or with the connection, and report to h. It must be called
// once at most.
func (p *Pipe) Start(h Handler) {
	p.handler = h
	var running sync.WaitGroup
	running.Go(p.write)
	running.Go(p.read)
	go func() {
		running.Wait()
		p.failure.Lock()
		err := p.failure.first
		p.failure.Unlock()
		h.Closed(err)
		close(p.done)
	}()
}

// Send hands a request to the pipe. It does not block as long as the caller keeps to Depth; a request that is sent
// after the pipe failed is never answered.
func (p *Pipe) Send(r *Request) {
	select {
	case p.send <- r:
	case <-p.quit:
	}
}

// Close ends the connection without waiting for answers. Closed is called soon after, if it was not yet.
func (p *Pipe) Close() { p.stop(nil) }

// Expires returns when the pipe has to be replaced, because the broker is going to end the session soon after. Zero means
// never.
func (p *Pipe) Expires() time.Time { return p.link.expires }

// Done is closed when a started pipe's goroutines have ended and Closed has returned.
func (p *Pipe) Done() <-chan struct{} { return p.done }

// stop ends both goroutines; the first call's error is the one reported. The socket's own error on closing says
// nothing that the first error does not.
func (p *Pipe) stop(err error) {
	p.quitOnce.Do(func() {
		p.failure.Lock()
		p.failure.first = err
		p.failure.Unlock()
		close(p.quit)
		_ = p.link.conn.Close()
	})
}

func (p *Pipe) write() {
	var frame Frame
	for {
		select {
		case <-p.quit:
			return
		case r := <-p.send:
			if err := p.writeRequest(&frame, r); err != nil {
				p.stop(fmt.Errorf("write produce request: %w", err))
				return
			}
		}
	}
}

func (p *Pipe) writeRequest(frame *Frame, r *Request) error {
	p.link.lastID++
	id := p.link.lastID
	buffers, _ := frame.encode(r, p.version, id, p.link.clientID)
	if err := p.link.conn.SetWriteDeadline(time.Now().Add(p.wait)); err != nil {
		return err
	}
	if _, err := buffers.WriteTo(p.link.conn); err != nil {
		return err
	}
	if r.Acks == 0 {
		p.handler.Answered(r, Answer{})
		return nil
	}
	if err := p.expect(); err != nil {
		return err
	}
	// The reader learns of the request only now. An answer that overtakes this line waits there, so that "answered"
	// always implies that the batches are no longer read.
	select {
	case p.written <- sent{r, id}:
	case <-p.quit:
	}
	return nil
}

func (p *Pipe) read() {
	var body []byte
	for {
		id, b, err := readFrame(p.link.reader, body)
		if err != nil {
			p.stop(fmt.Errorf("read produce response: %w", unexpectedEOF(err)))
			return
		}
		body = b
		select {
		case <-p.quit:
			return
		case s := <-p.written:
			if err := p.answer(s, id, body); err != nil {
				p.stop(err)
				return
			}
		}
	}
}

func (p *Pipe) answer(s sent, id int32, body []byte) error {
	if s.id != id {
		return fmt.Errorf("read produce response: answer to request %d where %d is due", id, s.id)
	}
	answer, err := decodeAnswer(body, p.version, s.request)
	if err != nil {
		return err
	}
	if err := p.arrived(); err != nil {
		return err
	}
	p.handler.Answered(s.request, answer)
	return nil
}

// expect counts a written request and starts the clock if it is the only one.
func (p *Pipe) expect() error {
	p.pending.Lock()
	defer p.pending.Unlock()
	p.pending.count++
	if p.pending.count > 1 {
		return nil
	}
	return p.link.conn.SetReadDeadline(time.Now().Add(p.wait))
}

// arrived counts an answer and restarts or stops the clock.
func (p *Pipe) arrived() error {
	p.pending.Lock()
	defer p.pending.Unlock()
	p.pending.count--
	var deadline time.Time
	if p.pending.count > 0 {
		deadline = time.Now().Add(p.wait)
	}
	return p.link.conn.SetReadDeadline(deadline)
}

// readFrame reads one answer into buffer, growing it as the bytes arrive, so that a false size costs no memory.
func readFrame(r *bufio.Reader, buffer []byte) (id int32, body []byte, err error) {
	head, err := r.Peek(8) // in the reader's memory, where an array of our own would be a new one for every answer
	if err != nil {
		return 0, buffer, err
	}
	size := binary.BigEndian.Uint32(head)
	if size < 4 || size > maxAnswer {
		return 0, buffer, errNotKafka
	}
	id = int32(binary.BigEndian.Uint32(head[4:]))
	if _, err := r.Discard(len(head)); err != nil {
		return 0, buffer, err
	}
	const step = 64 << 10
	buffer = buffer[:0]
	for rest := int(size) - 4; rest > 0; {
		n := min(rest, step)
		start := len(buffer)
		buffer = append(buffer, make([]byte, n)...)
		if _, err := io.ReadFull(r, buffer[start:]); err != nil {
			return 0, buffer, err
		}
		rest -= n
	}
	return id, buffer, nil
}
