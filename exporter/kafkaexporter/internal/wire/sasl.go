// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/kafkaerr"
)

// Mechanism is a way to prove who we are (RFC 4422). It is safe for concurrent use.
type Mechanism interface {
	// Name is the mechanism's name in a SaslHandshake request.
	Name() string
	// Start begins a conversation with the broker at host and returns what to say first.
	Start(ctx context.Context, host string) (Conversation, []byte, error)
}

// Conversation is one run of a mechanism. It is used by one goroutine.
type Conversation interface {
	// Next hears the broker's answer and returns what to say next, or that nothing is left to say. An error means that the
	// broker did not prove what it had to, or that the mechanism cannot go on.
	Next(challenge []byte) (done bool, response []byte, err error)
}

const (
	codeUnsupportedMechanism = 33
	codeIllegalState         = 34
	// maxRounds ends a conversation that leads nowhere; SCRAM needs two rounds, GSSAPI three.
	maxRounds = 8
)

var (
	errNoSASL      = errors.New("broker does not know SASL's requests, which need Kafka 1.0: `auth` cannot be used with it")
	errEndless     = errors.New("broker goes on asking")
	errReauthorize = errors.New("the session has ended, and the connection with it")
)

// authenticate runs the first of mechanisms, or says in its error which of the others the broker knows.
func (l *link) authenticate(ctx context.Context, mechanisms []Mechanism, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	// Version 0 of the handshake is followed by bytes without a frame, which no broker since 1.0 needs.
	if l.versions[protocol.SaslHandshake] < 1 {
		return errNoSASL
	}
	if _, known := l.versions[protocol.SaslAuthenticate]; !known {
		return errNoSASL
	}
	mechanism, err := l.agree(ctx, mechanisms)
	if err != nil {
		return err
	}
	if err := l.converse(ctx, mechanism, host); err != nil {
		return fmt.Errorf("authenticate with %s: %w", mechanism.Name(), err)
	}
	return nil
}

// mechanismError is the error of a broker that does not know the mechanism that it was asked for, but these of ours. It ends the
// connection then, as Apache Kafka does, so another one is needed.
type mechanismError struct {
	known []Mechanism
	error
}

// agree asks for the first mechanism. A broker that does not know it lists those that it knows.
func (l *link) agree(ctx context.Context, mechanisms []Mechanism) (Mechanism, error) {
	offered, code, err := l.shakeHands(ctx, mechanisms[0])
	if err != nil {
		return nil, err
	}
	switch code {
	case 0:
		return mechanisms[0], nil
	case codeUnsupportedMechanism:
		var ours []string
		var known []Mechanism
		for i, m := range mechanisms {
			ours = append(ours, m.Name())
			if i > 0 && slices.Contains(offered, m.Name()) {
				known = append(known, m)
			}
		}
		err = fmt.Errorf("agree on a mechanism for SASL: broker knows %s, not %s: %w", strings.Join(offered, ", "),
			strings.Join(ours, ", "), &kafkaerr.Error{Code: code})
		if len(known) > 0 {
			err = &mechanismError{known, err}
		}
		return nil, err
	case codeIllegalState:
		return nil, fmt.Errorf("begin SASL: broker does not want to know at this port who we are, remove `auth`: %w", &kafkaerr.Error{Code: code})
	default:
		return nil, fmt.Errorf("begin SASL: %w", &kafkaerr.Error{Code: code})
	}
}

func (l *link) shakeHands(ctx context.Context, m Mechanism) (offered []string, code int16, err error) {
	answer, err := l.ask(ctx, &saslhandshake.Request{Mechanism: m.Name()})
	if err != nil {
		return nil, 0, fmt.Errorf("begin SASL: %w", err)
	}
	response, ok := answer.(*saslhandshake.Response)
	if !ok {
		return nil, 0, errNotKafka
	}
	return response.Mechanisms, response.ErrorCode, nil
}

func (l *link) converse(ctx context.Context, m Mechanism, host string) error {
	conversation, say, err := m.Start(ctx, host)
	if err != nil {
		return err
	}
	for range maxRounds {
		begun := time.Now()
		answer, err := l.ask(ctx, &saslauthenticate.Request{AuthBytes: say})
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("broker hung up, as some do about a wrong name, password or token: %w", err)
		}
		if err != nil {
			return err
		}
		response, ok := answer.(*saslauthenticate.Response)
		if !ok {
			return errNotKafka
		}
		if response.ErrorCode != 0 {
			return &kafkaerr.Error{Code: response.ErrorCode, Message: response.ErrorMessage}
		}
		l.limitSession(begun, time.Duration(response.SessionLifetimeMs)*time.Millisecond)
		var done bool
		if done, say, err = conversation.Next(response.AuthBytes); err != nil {
			return err
		}
		if done {
			return nil
		}
	}
	return errEndless
}

// limitSession notes when the broker is going to end the connection unless we have authenticated again (KIP-368). We
// connect anew instead, a little earlier: a connection costs little, and a conversation between two produce requests
// would hold up those behind it.
func (l *link) limitSession(begun time.Time, lifetime time.Duration) {
	const used = 0.85 // of the lifetime, as in Java's client
	if lifetime > 0 {
		l.expires = begun.Add(time.Duration(float64(lifetime) * used))
	}
}

// expired tells whether the session is over, or about to be.
func (l *link) expired(now time.Time) bool { return !l.expires.IsZero() && !now.Before(l.expires) }
