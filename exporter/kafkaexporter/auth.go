// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/auth"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// mechanisms builds the ways to prove who we are, in the order in which they are tried: a broker that knows SCRAM is not told the
// password.
func (c *AuthenticationConfig) mechanisms(host component.Host) ([]wire.Mechanism, error) {
	var all []wire.Mechanism
	if c.SASL != nil {
		m, err := c.SASL.mechanism(host)
		if err != nil {
			return nil, fmt.Errorf("set up `auth::sasl`: %w", err)
		}
		all = append(all, m)
	}
	if p := c.PlainText; p != nil {
		all = append(all, auth.Plain(p.Username, string(p.Password)))
	}
	if k := c.Kerberos; k != nil {
		m, err := auth.Kerberos(auth.KerberosSettings{
			Service: k.ServiceName, User: k.Username, Realm: k.Realm, Password: string(k.Password),
			KeyTab: k.KeyTabPath, Config: k.ConfigPath, NoFAST: k.DisablePAFXFAST,
		})
		if err != nil {
			return nil, fmt.Errorf("set up `auth::kerberos`: %w", err)
		}
		all = append(all, m)
	}
	return all, nil
}

func (c *SASLConfig) mechanism(host component.Host) (wire.Mechanism, error) {
	switch c.Mechanism {
	case mechanismPlain:
		return auth.Plain(c.Username, string(c.Password)), nil
	case mechanismScram256:
		return auth.Scram256(c.Username, string(c.Password))
	case mechanismScram512:
		return auth.Scram512(c.Username, string(c.Password))
	case mechanismAWS:
		return auth.MSK(c.AWSMSK.Region), nil
	default:
		extension, found := host.GetExtensions()[c.OAuthBearerTokenSource]
		if !found {
			return nil, fmt.Errorf("find `oauthbearer_token_source` %q: no such extension is running", c.OAuthBearerTokenSource)
		}
		source, fits := extension.(auth.TokenSource)
		if !fits {
			return nil, fmt.Errorf("find `oauthbearer_token_source` %q: the extension hands out no tokens", c.OAuthBearerTokenSource)
		}
		return auth.Bearer(source), nil
	}
}
