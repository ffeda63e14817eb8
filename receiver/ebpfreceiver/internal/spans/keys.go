// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

// Keys of a span.
const (
	keyMethod         = string(semconv.HTTPRequestMethodKey)
	keyMethodOriginal = string(semconv.HTTPRequestMethodOriginalKey)
	keyStatusCode     = string(semconv.HTTPResponseStatusCodeKey)
	keyURLPath        = string(semconv.URLPathKey)
	keyURLScheme      = string(semconv.URLSchemeKey)
	keyURLFull        = string(semconv.URLFullKey)
	keyServerAddress  = string(semconv.ServerAddressKey)
	keyServerPort     = string(semconv.ServerPortKey)
	keyClientAddress  = string(semconv.ClientAddressKey)
	keyPeerAddress    = string(semconv.NetworkPeerAddressKey)
	keyPeerPort       = string(semconv.NetworkPeerPortKey)
	keyVersion        = string(semconv.NetworkProtocolVersionKey)
	keyUserAgent      = string(semconv.UserAgentOriginalKey)
	keyErrorType      = string(semconv.ErrorTypeKey)
	keyRPCSystem      = string(semconv.RPCSystemNameKey)
	keyRPCMethod      = string(semconv.RPCMethodKey)
	keyRPCStatus      = string(semconv.RPCResponseStatusCodeKey)
)

// methodOther is the value of http.request.method for methods that the conventions do not know; the span is then named
// methodUnnamed.
const (
	methodOther   = "_OTHER"
	methodUnnamed = "HTTP"
)
