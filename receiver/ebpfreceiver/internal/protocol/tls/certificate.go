// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tls

import (
	"crypto/x509"
	"time"
)

// Chain is what a Certificate message says of the end that sent it.
type Chain struct {
	// Subject, Issuer and SerialNumber are of the first certificate; distinguished names as in RFC 4514.
	Subject, Issuer, SerialNumber string
	// NotBefore and NotAfter bound its validity; zero if the certificate could not be read.
	NotBefore, NotAfter time.Time
	// Length is the number of certificates; 0: the message was empty, which says that its sender has none.
	Length int
}

// maxCertificates bounds how many are counted.
const maxCertificates = 64

// parseCertificate reads the body of a Certificate message before TLS 1.3 (RFC 5246 section 7.4.2), or the beginning of
// one.
func parseCertificate(body []byte) (chain Chain) {
	r := cursor{rest: body}
	list := cursor{rest: r.upTo(r.uint24())}
	for !list.failed && len(list.rest) > 0 && chain.Length < maxCertificates {
		der := list.vector24()
		chain.Length++
		if chain.Length > 1 || list.failed {
			continue
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			continue // its facts stay unknown
		}
		chain.Subject, chain.Issuer = leaf.Subject.String(), leaf.Issuer.String()
		chain.SerialNumber = leaf.SerialNumber.Text(16)
		chain.NotBefore, chain.NotAfter = leaf.NotBefore, leaf.NotAfter
	}
	return chain
}
