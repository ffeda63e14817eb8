// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

const (
	user   = "alice"
	secret = "correct horse, battery=staple"
	wrong  = "an entirely different horse"
)

func sasl(mechanism, password string) settings {
	return settings{"auth": settings{"sasl": settings{"mechanism": mechanism, "username": user, "password": password}}}
}

func TestPasswords(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, kfake.EnableSASL(), kfake.Superuser(mechanism, user, secret))
			good := start(t, cluster.ListenAddrs(), sasl(mechanism, secret), nil)
			require.NoError(t, good.send(t))
			requireRecords(t, cluster, 1)
			good.requireSilence(t, nil, secret)

			bad := start(t, cluster.ListenAddrs(), sasl(mechanism, wrong), nil)
			err := bad.send(t)
			// This broker hangs up; tests/kafka has one that says why.
			require.ErrorContains(t, err, "authenticate with "+mechanism+": broker hung up")
			bad.requireSilence(t, err, wrong, secret)
			requireRecords(t, cluster, 1)
		})
	}
}

func TestTheFormerSettingForPlain(t *testing.T) {
	cluster := startCluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", user, secret))
	e := start(t, cluster.ListenAddrs(), settings{"auth": settings{"plain_text": settings{"username": user, "password": secret}}}, nil)
	require.NoError(t, e.send(t))
	requireRecords(t, cluster, 1)
}

// TestOfSeveralWaysTheFirstThatTheBrokerKnowsIsUsed: TestRealKafka has a broker that knows the second only.
func TestOfSeveralWaysTheFirstThatTheBrokerKnowsIsUsed(t *testing.T) {
	broker := startBearerBroker(t, 0, false)
	auth := bearer()["auth"].(settings)
	auth["plain_text"] = settings{"username": user, "password": secret}
	e := start(t, broker.ListenAddrs(), settings{"auth": auth}, oauth2client(t, issuer(t).URL, "client-secret"))
	require.NoError(t, e.send(t))
	requireRecords(t, broker.Cluster, 1)
}

func TestAMechanismThatTheBrokerDoesNotKnow(t *testing.T) {
	broker := startBearerBroker(t, 0, false)
	err := start(t, broker.ListenAddrs(), sasl("PLAIN", secret), nil).send(t)
	require.ErrorContains(t, err, "agree on a mechanism for SASL: broker knows OAUTHBEARER, not PLAIN")
	assert.Empty(t, broker.messages())
}

// TestSettingsCannotBePrinted covers whatever dumps a configuration: a log line, a debugging page, a support bundle.
func TestSettingsCannotBePrinted(t *testing.T) {
	cfg := kafkaexporter.NewFactory().CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(settings{
		"auth": settings{
			"plain_text": settings{"username": user, "password": secret},
			"sasl":       settings{"mechanism": "PLAIN", "username": user, "password": secret},
			"kerberos":   settings{"username": user, "password": secret},
		},
		"record_headers": settings{"token": secret},
	}).Unmarshal(cfg))
	written := confmap.New()
	require.NoError(t, written.Marshal(cfg))
	text, err := json.Marshal(cfg)
	require.NoError(t, err)
	concrete := cfg.(*kafkaexporter.Config)
	auth := concrete.ClientConfig.Authentication
	for _, dump := range []string{
		fmt.Sprint(written.ToStringMap()), string(text), fmt.Sprintf("%v %+v", *concrete, concrete.RecordHeaders),
		fmt.Sprintf("%+v %+v %+v %#v", *auth.PlainText, *auth.SASL, *auth.Kerberos, *auth.SASL),
	} {
		assert.NotContains(t, dump, secret)
	}
}
