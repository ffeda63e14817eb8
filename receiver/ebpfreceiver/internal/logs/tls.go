// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/tls"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/stream"
)

// EventHandshakeFailed is the event name of a TLS handshake that failed.
const EventHandshakeFailed = "tls.handshake.failed"

// Our own keys, for what semantic conventions have no name for.
const (
	keyStep                 = "risk.tls.step"
	keyFailedBy             = "risk.tls.failed_by"
	keyAlert                = "risk.tls.alert"
	keyAlertEncrypted       = "risk.tls.alert.encrypted"
	keyCertificateRequested = "risk.tls.client.certificate.requested"
	keyCertificateMissing   = "risk.tls.client.certificate.missing"
	keyVersionsOffered      = "risk.tls.versions.offered"
	keyProtocolsOffered     = "risk.tls.protocols.offered"
)

// HandshakeFailed writes what is known of a handshake that failed.
func HandshakeFailed(r plog.LogRecord, h *stream.Handshake, observed time.Time) {
	r.SetTimestamp(pcommon.Timestamp(h.End))
	r.SetObservedTimestamp(pcommon.NewTimestampFromTime(observed))
	r.SetSeverityNumber(plog.SeverityNumberWarn)
	r.SetSeverityText("WARN")
	r.SetEventName(EventHandshakeFailed)
	r.Body().SetStr(story(h))
	m := r.Attributes()
	server := h.Server()
	name := h.Client.ServerName
	if name == "" {
		name = server.Addr().WithZone("").String()
	}
	m.PutStr(string(semconv.ServerAddressKey), name)
	m.PutInt(string(semconv.ServerPortKey), int64(server.Port()))
	if h.Side == protocol.Server {
		m.PutStr(string(semconv.ClientAddressKey), h.Peer.Addr().WithZone("").String())
	}
	m.PutStr(string(semconv.NetworkPeerAddressKey), h.Peer.Addr().WithZone("").String())
	m.PutInt(string(semconv.NetworkPeerPortKey), int64(h.Peer.Port()))
	m.PutStr(string(semconv.ErrorTypeKey), h.ErrorType())
	m.PutBool(string(semconv.TLSEstablishedKey), false)
	put(m, keyStep, h.Step.String())
	put(m, keyFailedBy, h.FailedBy())
	if h.AlertSeen {
		put(m, keyAlert, tls.AlertName(h.Alert))
		m.PutInt(keyAlert+".code", int64(h.Alert))
	}
	if h.AlertEncrypted {
		m.PutBool(keyAlertEncrypted, true)
	}
	offers(m, h)
	choices(m, h)
}

// put adds a text, unless it is empty.
func put(m pcommon.Map, key, value string) {
	if value != "" {
		m.PutStr(key, value)
	}
}

// offers says what the client offered.
func offers(m pcommon.Map, h *stream.Handshake) {
	if len(h.Client.Versions) > 0 {
		list := m.PutEmptySlice(keyVersionsOffered)
		for _, version := range h.Client.Versions {
			if name := tls.VersionName(version); name != "" {
				list.AppendEmpty().SetStr(name)
			}
		}
	}
	if len(h.Client.Protocols) > 0 {
		list := m.PutEmptySlice(keyProtocolsOffered)
		for _, name := range h.Client.Protocols {
			list.AppendEmpty().SetStr(name)
		}
	}
}

// choices says what the server chose, and who showed which certificate.
func choices(m pcommon.Map, h *stream.Handshake) {
	if h.Step < tls.AfterServerHello {
		return
	}
	put(m, string(semconv.TLSProtocolVersionKey), tls.VersionName(h.Handshake.Server.Version))
	m.PutStr(string(semconv.TLSCipherKey), tls.CipherName(h.Handshake.Server.Cipher))
	put(m, string(semconv.TLSNextProtocolKey), h.Handshake.Server.Protocol)
	if h.Encrypted() || h.Step < tls.AfterServerFlight {
		return // whether a certificate was requested cannot be seen, or was not yet
	}
	m.PutBool(keyCertificateRequested, h.CertificateRequested)
	if c := h.ServerChain; c != nil {
		put(m, string(semconv.TLSServerSubjectKey), c.Subject)
		put(m, string(semconv.TLSServerIssuerKey), c.Issuer)
		putTime(m, string(semconv.TLSServerNotBeforeKey), c.NotBefore)
		putTime(m, string(semconv.TLSServerNotAfterKey), c.NotAfter)
	}
	if c := h.ClientChain; c != nil {
		m.PutBool(keyCertificateMissing, c.Length == 0)
		put(m, string(semconv.TLSClientSubjectKey), c.Subject)
		put(m, string(semconv.TLSClientIssuerKey), c.Issuer)
		putTime(m, string(semconv.TLSClientNotBeforeKey), c.NotBefore)
		putTime(m, string(semconv.TLSClientNotAfterKey), c.NotAfter)
	}
}

func putTime(m pcommon.Map, key string, t time.Time) {
	if !t.IsZero() {
		m.PutStr(key, t.UTC().Format(time.RFC3339))
	}
}

// story tells in a sentence what the attributes say.
func story(h *stream.Handshake) string {
	who := h.FailedBy()
	switch h.Failure {
	case tls.Alerted:
		what := "an encrypted alert"
		if h.AlertSeen {
			what = fmt.Sprintf("the alert %s", h.ErrorType())
		}
		return fmt.Sprintf("TLS handshake failed after %s: the %s sent %s", h.Step, who, what)
	case tls.NotTLS:
		if h.Step == tls.Nothing {
			return "TLS handshake failed: the client does not speak TLS, the server does"
		}
		return fmt.Sprintf("TLS handshake failed after %s: the %s does not speak TLS", h.Step, who)
	case tls.Closed:
		return fmt.Sprintf("TLS handshake failed after %s: the %s closed the connection", h.Step, who)
	case tls.ResetByPeer:
		return fmt.Sprintf("TLS handshake failed after %s: the %s reset the connection", h.Step, who)
	}
	return fmt.Sprintf("TLS handshake failed after %s: the connection timed out", h.Step)
}
