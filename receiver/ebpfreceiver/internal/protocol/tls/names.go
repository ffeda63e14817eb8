// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tls

import "crypto/tls"

// VersionName returns the version as semantic conventions write it; "" if it has no name.
func VersionName(version uint16) string {
	switch version {
	case 0x0300:
		return "3" // of SSL
	case tls.VersionTLS10:
		return "1.0"
	case tls.VersionTLS11:
		return "1.1"
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return ""
}

// CipherName returns the registered name of a cipher suite, or its number in hex.
func CipherName(cipher uint16) string { return tls.CipherSuiteName(cipher) }

// AlertName returns the name of an alert's description (RFC 8446 section 6); "" if it has none.
func AlertName(description uint8) string { return alertNames[description] }

var alertNames = map[uint8]string{
	0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed", 22: "record_overflow",
	30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate", 42: "bad_certificate",
	43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
	47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error",
	60: "export_restriction", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
	86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation", 109: "missing_extension",
	110: "unsupported_extension", 111: "certificate_unobtainable", 112: "unrecognized_name",
	113: "bad_certificate_status_response", 114: "bad_certificate_hash_value", 115: "unknown_psk_identity",
	116: "certificate_required", 120: "no_application_protocol",
}
