// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"golang.org/x/oauth2"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// TokenSource hands out tokens; contrib's extensions oauth2client and azure_auth are some.
type TokenSource interface {
	Token(ctx context.Context) (*oauth2.Token, error)
}

// bearer is OAUTHBEARER with tokens from anywhere.
type bearer struct {
	token func(ctx context.Context) (string, error)
}

// Bearer returns the mechanism OAUTHBEARER with a new token for every connection.
func Bearer(source TokenSource) wire.Mechanism {
	return bearer{func(ctx context.Context) (string, error) {
		token, err := source.Token(ctx)
		if err != nil {
			return "", fmt.Errorf("get token: %w", err)
		}
		return token.AccessToken, nil
	}}
}

// MSK returns the mechanism OAUTHBEARER with a token that is signed with AWS's keys, which are found where AWS's own
// programs find them: environment, files, the machine's role.
func MSK(region string) wire.Mechanism {
	return bearer{func(ctx context.Context) (string, error) {
		token, _, err := signer.GenerateAuthToken(ctx, region)
		if err != nil {
			return "", fmt.Errorf("sign token for AWS: %w", err)
		}
		return token, nil
	}}
}

func (bearer) Name() string { return "OAUTHBEARER" }

func (b bearer) Start(ctx context.Context, _ string) (wire.Conversation, []byte, error) {
	token, err := b.token(ctx)
	if err != nil {
		return nil, nil, err
	}
	return bearerConversation{}, []byte("n,,\x01auth=Bearer " + token + "\x01\x01"), nil
}

type bearerConversation struct{}

// Next ends the conversation. A broker that refuses the token says why in a challenge, and the error proper only after it
// was answered; Kafka does so in the error of its own at once.
func (bearerConversation) Next(challenge []byte) (done bool, response []byte, err error) {
	if len(challenge) > 0 {
		return false, nil, errors.New("broker refuses the token: " + string(challenge))
	}
	return true, nil, nil
}
