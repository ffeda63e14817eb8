// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
)

// AuthenticationConfig says who we are. Of several ways, the first that a broker knows is used, in the order of the fields.
type AuthenticationConfig struct {
	// SASL is any mechanism but Kerberos.
	SASL *SASLConfig `mapstructure:"sasl"`
	// PlainText is SASL's PLAIN. Deprecated: use sasl.
	PlainText *PlainTextConfig `mapstructure:"plain_text"`
	// Kerberos is SASL's GSSAPI.
	Kerberos *KerberosConfig `mapstructure:"kerberos"`
	// TLS is the former place of tls. Deprecated: use tls at the top level.
	TLS configoptional.Optional[configtls.ClientConfig] `mapstructure:"tls"`

	_ struct{}
}

// PlainTextConfig is a name and a password.
type PlainTextConfig struct {
	// Username is our name.
	Username string `mapstructure:"username"`
	// Password proves it; it is sent as it is, so use TLS.
	Password configopaque.String `mapstructure:"password"`

	_ struct{}
}

// The mechanisms of SASLConfig.
const (
	mechanismPlain       = "PLAIN"
	mechanismScram256    = "SCRAM-SHA-256"
	mechanismScram512    = "SCRAM-SHA-512"
	mechanismOAuthBearer = "OAUTHBEARER"
	mechanismAWS         = "AWS_MSK_IAM_OAUTHBEARER"
)

// SASLConfig is a mechanism and what it needs.
type SASLConfig struct {
	// Username and Password are for PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, which need both.
	Username string              `mapstructure:"username"`
	Password configopaque.String `mapstructure:"password"`
	// Mechanism is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM_OAUTHBEARER.
	Mechanism string `mapstructure:"mechanism"`
	// Version (0 or 1) has no effect, here as in contrib's exporter: both sides agree on one.
	Version int `mapstructure:"version"`
	// AWSMSK is for AWS_MSK_IAM_OAUTHBEARER. The keys come from where AWS's programs look for them.
	AWSMSK AWSMSKConfig `mapstructure:"aws_msk"`
	// OAuthBearerTokenSource is the id of an extension that provides tokens, oauth2client for example. OAUTHBEARER needs
	// it.
	OAuthBearerTokenSource component.ID `mapstructure:"oauthbearer_token_source,omitempty"`

	_ struct{}
}

// AWSMSKConfig is for Amazon's managed Kafka.
type AWSMSKConfig struct {
	// Region is the cluster's region.
	Region string `mapstructure:"region"`

	_ struct{}
}

// KerberosConfig is for SASL's GSSAPI.
type KerberosConfig struct {
	// ServiceName is the first part of the brokers' principal, kafka most of the time.
	ServiceName string `mapstructure:"service_name"`
	// Realm is our realm.
	Realm string `mapstructure:"realm"`
	// UseKeyTab has no effect, here as in contrib's exporter: keytab_file is used if it is set, else password.
	UseKeyTab bool `mapstructure:"use_keytab"`
	// Username is the first part of our principal.
	Username string `mapstructure:"username"`
	// Password proves it, unless KeyTabPath is set.
	Password configopaque.String `mapstructure:"password"`
	// ConfigPath is a krb5.conf. Empty means built-in values, with which no realm is known.
	ConfigPath string `mapstructure:"config_file"`
	// KeyTabPath is a file with our key.
	KeyTabPath string `mapstructure:"keytab_file"`
	// DisablePAFXFAST leaves out PA-FX-FAST, which some servers do not understand.
	DisablePAFXFAST bool `mapstructure:"disable_fast_negotiation"`

	_ struct{}
}

// Validate reports all faults at once, each with its YAML key below `auth::sasl` and, unless it is a secret, the value
// found.
func (c *SASLConfig) Validate() error {
	var errs []error
	switch c.Mechanism {
	case mechanismPlain, mechanismScram256, mechanismScram512:
		if c.Username == "" {
			errs = append(errs, fmt.Errorf("`username` is needed for %s, found none", c.Mechanism))
		}
		if c.Password == "" {
			errs = append(errs, fmt.Errorf("`password` is needed for %s, found none", c.Mechanism))
		}
	case mechanismOAuthBearer:
		if c.OAuthBearerTokenSource == (component.ID{}) {
			errs = append(errs, fmt.Errorf("`oauthbearer_token_source` is needed for %s, found none", c.Mechanism))
		}
	case mechanismAWS:
	default:
		errs = append(errs, fmt.Errorf("`mechanism` must be %s, %s, %s, %s or %s, found %q", mechanismPlain, mechanismScram256,
			mechanismScram512, mechanismOAuthBearer, mechanismAWS, c.Mechanism))
	}
	if c.Version != 0 && c.Version != 1 {
		errs = append(errs, fmt.Errorf("`version` must be 0 or 1, found %d", c.Version))
	}
	return errors.Join(errs...)
}
