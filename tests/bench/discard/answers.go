// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package discard

import (
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// answers writes a connection's answers in order, each after the broker's latency.
type answers struct {
	conn    net.Conn
	latency time.Duration
	buffer  []byte

	late    chan lateAnswer // only with a latency
	writing sync.WaitGroup
}

type lateAnswer struct {
	due   time.Time
	bytes []byte
}

// lateAtMost is more than any producer has in flight on a connection.
const lateAtMost = 1024

func newAnswers(conn net.Conn, latency time.Duration) *answers {
	a := &answers{conn: conn, latency: latency}
	if latency > 0 {
		a.late = make(chan lateAnswer, lateAtMost)
		a.writing.Go(a.write)
	}
	return a
}

// send answers now or, if the broker has a latency, leaves it to write.
func (a *answers) send(response kmsg.Response, correlation int32) error {
	if a.late != nil {
		a.late <- lateAnswer{time.Now().Add(a.latency), appendResponse(nil, response, correlation)}
		return nil
	}
	a.buffer = appendResponse(a.buffer[:0], response, correlation)
	if _, err := a.conn.Write(a.buffer); err != nil {
		return fmt.Errorf("write response: %w", err)
	}
	return nil
}

// write sends late answers until there are no more. After a failure it only takes them: the reader notices by itself.
func (a *answers) write() {
	var failed error
	for answer := range a.late {
		if failed != nil {
			continue
		}
		<-time.After(time.Until(answer.due))
		_, failed = a.conn.Write(answer.bytes)
	}
}

// end returns when everything was sent.
func (a *answers) end() {
	if a.late != nil {
		close(a.late)
	}
	a.writing.Wait()
}
