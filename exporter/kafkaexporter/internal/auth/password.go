// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/xdg-go/scram"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

type plain struct{ name, password string }

// Plain returns the mechanism PLAIN.
func Plain(name, password string) wire.Mechanism { return plain{name, password} }

func (plain) Name() string { return "PLAIN" }

// Start says everything at once: authorization identity (none), name, password.
func (p plain) Start(context.Context, string) (wire.Conversation, []byte, error) {
	return said{}, []byte("\x00" + p.name + "\x00" + p.password), nil
}

// said is a conversation in which the first word is the last.
type said struct{}

// Next has nothing to add; a broker that disagrees answers with an error instead.
func (said) Next([]byte) (done bool, response []byte, err error) { return true, nil, nil }

type scramMechanism struct {
	name   string
	client *scram.Client
}

// Scram256 returns the mechanism SCRAM-SHA-256. It fails for names and passwords that SASLprep (RFC 4013) forbids.
func Scram256(name, password string) (wire.Mechanism, error) {
	return newScram("SCRAM-SHA-256", scram.SHA256, name, password)
}

// Scram512 returns the mechanism SCRAM-SHA-512.
func Scram512(name, password string) (wire.Mechanism, error) {
	return newScram("SCRAM-SHA-512", scram.SHA512, name, password)
}

var errUnprepared = errors.New("name or password has characters that SASL does not allow")

func newScram(mechanism string, hash scram.HashGeneratorFcn, name, password string) (wire.Mechanism, error) {
	client, err := hash.NewClient(name, password, "")
	if err != nil {
		// The library's error may quote the password.
		return nil, fmt.Errorf("prepare %s: %w", mechanism, errUnprepared)
	}
	return &scramMechanism{mechanism, client}, nil
}

func (s *scramMechanism) Name() string { return s.name }

func (s *scramMechanism) Start(context.Context, string) (wire.Conversation, []byte, error) {
	conversation := s.client.NewConversation()
	first, err := conversation.Step("")
	return scramConversation{conversation}, []byte(first), err
}

type scramConversation struct{ *scram.ClientConversation }

// Next also checks that the broker knows the password.
func (s scramConversation) Next(challenge []byte) (done bool, response []byte, err error) {
	answer, err := s.Step(string(challenge))
	if err != nil {
		return false, nil, fmt.Errorf("check what the broker says: %w", err)
	}
	return s.Done(), []byte(answer), nil
}
