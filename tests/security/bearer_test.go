// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/oauth2clientauthextension"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"
)

// issuer hands out tokens for the client's secret, each with another number, as an OAuth 2 server does.
func issuer(t *testing.T) *httptest.Server {
	t.Helper()
	return issuerOf(t, func(number int) string { return fmt.Sprintf("token-%d", number) })
}

func issuerOf(t *testing.T, token func(number int) string) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	issued := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, password, ok := r.BasicAuth()
		if !ok || id != user || password != "client-secret" || r.FormValue("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		issued++
		w.Header().Set("Content-Type", "application/json")
		// Shorter than what the library keeps a token for, so that each is used once.
		_ = json.NewEncoder(w).Encode(settings{"access_token": token(issued), "token_type": "Bearer", "expires_in": 1})
	}))
	t.Cleanup(server.Close)
	return server
}

// oauth2client starts contrib's extension.
func oauth2client(t *testing.T, url, secret string) host {
	t.Helper()
	factory := oauth2clientauthextension.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(settings{"client_id": user, "client_secret": secret, "token_url": url}).Unmarshal(cfg))
	e, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		require.NoError(t, e.Shutdown(context.Background()))
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return host{component.MustNewID("oauth2client"): e}
}

func bearer() settings {
	return settings{"auth": settings{"sasl": settings{"mechanism": "OAUTHBEARER", "oauthbearer_token_source": "oauth2client"}}}
}

// bearerBroker takes tokens, which kfake itself does not: it hears every first message, and ends sessions after lifetime.
type bearerBroker struct {
	*kfake.Cluster
	mu    sync.Mutex
	heard []string
}

func startBearerBroker(t *testing.T, lifetime time.Duration, refuse bool) *bearerBroker {
	t.Helper()
	b := &bearerBroker{Cluster: startCluster(t)}
	b.ControlKey(int16(kmsg.SASLHandshake), func(request kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		response := request.ResponseKind().(*kmsg.SASLHandshakeResponse)
		response.SupportedMechanisms = []string{"OAUTHBEARER"}
		if request.(*kmsg.SASLHandshakeRequest).Mechanism != "OAUTHBEARER" {
			response.ErrorCode = 33
		}
		return response, nil, true
	})
	b.ControlKey(int16(kmsg.SASLAuthenticate), func(request kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.heard = append(b.heard, string(request.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes))
		response := request.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		response.SessionLifetimeMillis = lifetime.Milliseconds()
		if refuse {
			response.ErrorCode, response.ErrorMessage = 58, kmsg.StringPtr("the token has expired")
		}
		return response, nil, true
	})
	return b
}

func (b *bearerBroker) messages() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.heard...)
}

func TestATokenOfAnIssuer(t *testing.T) {
	broker := startBearerBroker(t, 0, false)
	e := start(t, broker.ListenAddrs(), bearer(), oauth2client(t, issuer(t).URL, "client-secret"))
	require.NoError(t, e.send(t))
	requireRecords(t, broker.Cluster, 1)
	for _, message := range broker.messages() {
		assert.Regexp(t, "^n,,\x01auth=Bearer token-[0-9]+\x01\x01$", message)
	}
	e.requireSilence(t, nil, "token-", "client-secret")
}

func TestAnIssuerThatRefusesUs(t *testing.T) {
	broker := startBearerBroker(t, 0, false)
	e := start(t, broker.ListenAddrs(), bearer(), oauth2client(t, issuer(t).URL, "a wrong client-secret"))
	err := e.send(t)
	require.ErrorContains(t, err, "authenticate with OAUTHBEARER: get token: ")
	e.requireSilence(t, err, "client-secret")
	assert.Empty(t, broker.messages())
}

func TestATokenThatTheBrokerRefuses(t *testing.T) {
	broker := startBearerBroker(t, 0, true)
	e := start(t, broker.ListenAddrs(), bearer(), oauth2client(t, issuer(t).URL, "client-secret"))
	err := e.send(t)
	require.ErrorContains(t, err, "broker answered sasl_authentication_failed (58): the token has expired")
	e.requireSilence(t, err, "token-")
}

// TestSessionsAreRenewedBeforeTheyEnd sends until several sessions have ended; a broker that ended one itself would cause an
// error, because nothing is tried again here.
func TestSessionsAreRenewedBeforeTheyEnd(t *testing.T) {
	const lifetime = 100 * time.Millisecond
	broker := startBearerBroker(t, lifetime, false)
	e := start(t, broker.ListenAddrs(), bearer(), oauth2client(t, issuer(t).URL, "client-secret"))
	sent := int64(0)
	for end := time.Now().Add(10 * lifetime); time.Now().Before(end); sent++ {
		require.NoError(t, e.send(t))
	}
	requireRecords(t, broker.Cluster, sent)
	tokens := map[string]bool{}
	for _, message := range broker.messages() {
		tokens[strings.Trim(message, "\x01")] = true
	}
	assert.Greater(t, len(tokens), 5)
}
