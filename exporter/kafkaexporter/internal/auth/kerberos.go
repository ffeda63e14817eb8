// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// KerberosSettings say who we are to a Kerberos server, and how to find it.
type KerberosSettings struct {
	// Service is the first part of a broker's principal; its host is the second.
	Service string
	// User and Realm are our principal, proven with the key in the file KeyTab or, if that is empty, with Password.
	User, Realm, Password, KeyTab string
	// Config is the path of a krb5.conf. Empty means built-in values.
	Config string
	// NoFAST leaves out the negotiation of PA-FX-FAST.
	NoFAST bool
}

type kerberos struct {
	set    KerberosSettings
	config *config.Config
	keytab *keytab.Keytab // nil for a password
	turns  chan struct{}  // holds one of each login that goes on
}

// Kerberos returns the mechanism GSSAPI. It reads the files that the settings name, and fails if it cannot.
func Kerberos(set KerberosSettings) (wire.Mechanism, error) {
	k := &kerberos{set: set, config: config.New(), turns: make(chan struct{}, logins)}
	var err error
	if set.Config != "" {
		if k.config, err = config.Load(set.Config); err != nil {
			return nil, fmt.Errorf("read `config_file` %q: %w", set.Config, err)
		}
	}
	if set.KeyTab != "" {
		if k.keytab, err = keytab.Load(set.KeyTab); err != nil {
			return nil, fmt.Errorf("read `keytab_file` %q: %w", set.KeyTab, err)
		}
	}
	return k, nil
}

func (*kerberos) Name() string { return "GSSAPI" }

// logins bounds how many logins of one exporter go on at a time, among them those that nobody waits for any more.
const logins = 8

// Start gets a ticket for the broker. It logs in anew for each connection: a login that stays renews itself in a goroutine
// that nobody could wait for. The library knows no context: a login whose time is over goes on until the server has had 5 s for each
// attempt, and is forgotten.
func (k *kerberos) Start(ctx context.Context, host string) (wire.Conversation, []byte, error) {
	type outcome struct {
		conversation wire.Conversation
		first        []byte
		err          error
	}
	select {
	case k.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, k.late(ctx)
	}
	began := make(chan outcome, 1)
	go func() {
		defer func() { <-k.turns }()
		conversation, first, err := k.begin(host)
		began <- outcome{conversation, first, err}
	}()
	select {
	case o := <-began:
		return o.conversation, o.first, o.err
	case <-ctx.Done():
		return nil, nil, k.late(ctx)
	}
}

func (k *kerberos) late(ctx context.Context) error {
	return fmt.Errorf("log in as %s@%s: no answer: %w", k.set.User, k.set.Realm, ctx.Err())
}

// begin logs in and gets a ticket for the broker.
func (k *kerberos) begin(host string) (wire.Conversation, []byte, error) {
	login := k.login()
	defer login.Destroy()
	if err := login.Login(); err != nil {
		return nil, nil, fmt.Errorf("log in as %s@%s: %w", k.set.User, k.set.Realm, err)
	}
	principal := k.set.Service + "/" + host
	ticket, key, err := login.GetServiceTicket(principal)
	if err != nil {
		return nil, nil, fmt.Errorf("get ticket for %s: %w", principal, err)
	}
	token, err := spnego.NewKRB5TokenAPREQ(login, ticket, key, []int{gssapi.ContextFlagInteg, gssapi.ContextFlagConf}, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("make token for %s: %w", principal, err)
	}
	first, err := token.Marshal()
	if err != nil {
		return nil, nil, fmt.Errorf("make token for %s: %w", principal, err)
	}
	return &kerberosConversation{key: key}, first, nil
}

func (k *kerberos) login() *client.Client {
	fast := client.DisablePAFXFAST(k.set.NoFAST)
	if k.keytab != nil {
		return client.NewWithKeytab(k.set.User, k.set.Realm, k.keytab, k.config, fast)
	}
	return client.NewWithPassword(k.set.User, k.set.Realm, k.set.Password, k.config, fast)
}

// kerberosConversation agrees on what protects the bytes to follow: nothing, because TLS does, or nobody asked for it.
type kerberosConversation struct {
	key    types.EncryptionKey
	agreed bool
}

// noProtection is the bit for "no security layer" in the first byte of what the broker offers and we choose; the other
// three are a size, which is 0 then (RFC 4752, section 3.1).
const noProtection = 1

var errProtection = errors.New("broker wants a security layer of Kerberos, which Kafka does not have")

func (c *kerberosConversation) Next(challenge []byte) (done bool, response []byte, err error) {
	if c.agreed {
		return true, nil, nil
	}
	var offer gssapi.WrapToken
	if err := offer.Unmarshal(challenge, true); err != nil {
		return false, nil, fmt.Errorf("read what the broker offers: %w", err)
	}
	if genuine, err := offer.Verify(c.key, keyusage.GSSAPI_ACCEPTOR_SEAL); !genuine {
		return false, nil, fmt.Errorf("check what the broker offers: %w", err)
	}
	if len(offer.Payload) < 4 || offer.Payload[0]&noProtection == 0 {
		return false, nil, errProtection
	}
	choice, err := gssapi.NewInitiatorWrapToken([]byte{noProtection, 0, 0, 0}, c.key)
	if err != nil {
		return false, nil, fmt.Errorf("wrap what we choose: %w", err)
	}
	response, err = choice.Marshal()
	c.agreed = true
	return false, response, err
}
