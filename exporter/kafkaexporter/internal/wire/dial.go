// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/kafkaerr"
)

// maxAnswer bounds an answer's size. What claims to be larger is not Kafka.
const maxAnswer = 64 << 20

var (
	// errTooOld is returned for a broker without record batches of version 2 (before Kafka 0.11).
	errTooOld = errors.New("broker is too old: it does not take produce requests of version 3")
	// errTooNew is returned for a broker that no longer takes the newest produce request that this package writes.
	errTooNew = errors.New("broker is too new: it does not take produce requests of version 8")
	// errNotKafka is returned for an answer that no broker would give.
	errNotKafka = errors.New("peer does not speak the Kafka protocol, or speaks TLS where plain text is expected or the other way round")
)

// Dialer opens connections to brokers. It is safe for concurrent use; its fields must not change after the first use.
type Dialer struct {
	// ClientID is sent with every request.
	ClientID string
	// TLS turns on TLS; nil means plain TCP. The server's name is taken from the address unless it is set.
	TLS *tls.Config
	// SASL are ways to prove who we are, of which the first that the broker knows is used. Empty means that we do not.
	SASL []Mechanism
	// Release bounds the versions of requests. The zero value does not.
	Release Release
	// Timeout bounds dialling, the TLS handshake, the question for versions and SASL together, and then every question of
	// a Control. Zero means no limit.
	Timeout time.Duration
	// DialContext replaces net.Dialer's, for tests; nil means net.Dialer's.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// link is a connection that has learnt the broker's versions.
type link struct {
	conn     net.Conn
	reader   *bufio.Reader
	clientID string
	timeout  time.Duration
	versions map[protocol.ApiKey]int16
	lastID   int32
	expires  time.Time // of the session; zero means never
	// anonymous is true if we do not say who we are.
	anonymous bool
}

func (d *Dialer) dial(ctx context.Context, address string) (*link, error) {
	if d.Timeout > 0 {
		// Not all of it: whoever waits just as long is to hear what was waited for.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Timeout*3/4)
		defer cancel()
	}
	l, err := d.open(ctx, address, d.SASL)
	for other := (*mechanismError)(nil); errors.As(err, &other); {
		// Each time there are fewer.
		l, err = d.open(ctx, address, other.known)
	}
	return l, err
}

// open makes a connection, with the first of mechanisms if there are any.
func (d *Dialer) open(ctx context.Context, address string, mechanisms []Mechanism) (*link, error) {
	conn, err := d.connect(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("connect to broker %q: %w", address, err)
	}
	l := &link{conn: conn, reader: bufio.NewReader(conn), clientID: d.ClientID, timeout: d.Timeout, anonymous: len(d.SASL) == 0}
	if err := l.learnVersions(ctx, d.Release); err != nil {
		if d.TLS == nil && errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: it hung up on the first word, as a peer does that expects TLS", err)
		}
		return nil, errors.Join(fmt.Errorf("ask broker %q for its versions: %w", address, err), conn.Close())
	}
	if !l.anonymous {
		if err := l.authenticate(ctx, mechanisms, address); err != nil {
			return nil, errors.Join(fmt.Errorf("connect to broker %q: %w", address, err), conn.Close())
		}
	}
	return l, nil
}

func (d *Dialer) connect(ctx context.Context, address string) (net.Conn, error) {
	dial := d.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, "tcp", address)
	if err != nil || d.TLS == nil {
		return conn, err
	}
	config := d.TLS
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		config = config.Clone()
		config.ServerName = host
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("shake hands for TLS: %w", err), conn.Close())
	}
	return secure, nil
}

// learnVersions asks with version 0, which every broker answers, and keeps for each request the newest version that
// both sides know and the release has.
func (l *link) learnVersions(ctx context.Context, release Release) error {
	answer, err := l.ask(ctx, &apiversions.Request{})
	if err != nil {
		return err
	}
	versions, ok := answer.(*apiversions.Response)
	if !ok {
		return errNotKafka
	}
	if versions.ErrorCode != 0 {
		return &kafkaerr.Error{Code: versions.ErrorCode}
	}
	l.versions = make(map[protocol.ApiKey]int16)
	for _, key := range versions.ApiKeys {
		api := protocol.ApiKey(key.ApiKey)
		switch api {
		case protocol.Produce:
			l.versions[api] = min(key.MaxVersion, maxProduceVersion, release.bound(api))
			if key.MinVersion > maxProduceVersion {
				return errTooNew
			}
		case protocol.Metadata, protocol.InitProducerId, protocol.SaslHandshake, protocol.SaslAuthenticate, protocol.DescribeConfigs:
			if newest := min(key.MaxVersion, release.bound(api)); newest >= key.MinVersion {
				l.versions[api] = api.SelectVersion(key.MinVersion, newest)
			}
		}
	}
	if l.versions[protocol.Produce] < minProduceVersion {
		return errTooOld
	}
	return nil
}

// ask sends a request and waits for its answer, until ctx ends or the link's timeout. An error leaves the link unusable.
func (l *link) ask(ctx context.Context, request protocol.Message) (protocol.Message, error) {
	// Interrupting the socket is the only way to end a read when ctx is cancelled.
	stop := context.AfterFunc(ctx, func() { l.interrupt() })
	defer stop()
	if err := l.conn.SetDeadline(l.deadline(ctx)); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.lastID++
	version := l.versions[request.ApiKey()]
	if err := protocol.WriteRequest(l.conn, version, l.lastID, l.clientID, request); err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	id, body, err := readFrame(l.reader, nil)
	if err != nil {
		return nil, errors.Join(unexpectedEOF(err), ctx.Err())
	}
	if id != l.lastID {
		return nil, errNotKafka
	}
	return decodeMessage(body, request.ApiKey(), version)
}

// interrupt makes a blocked read or write return. The error is of no use: a socket that cannot take a deadline is
// closed already.
func (l *link) interrupt() { _ = l.conn.SetDeadline(time.Unix(1, 0)) }

func (l *link) deadline(ctx context.Context) time.Time {
	deadline, limited := ctx.Deadline()
	if l.timeout > 0 {
		if own := time.Now().Add(l.timeout); !limited || own.Before(deadline) {
			return own
		}
	}
	return deadline
}

// unexpectedEOF keeps a closed connection from looking like a regular end.
func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
