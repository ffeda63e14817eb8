// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The keys are those of AWS's documentation.
const (
	awsKey    = "AKIAIOSFODNN7EXAMPLE"
	awsSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	awsRegion = "eu-central-1"
)

// TestATokenSignedForAWS checks the signature with the algorithm of AWS's documentation (Signature Version 4), written anew
// here: what Amazon's brokers do with it.
func TestATokenSignedForAWS(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", awsKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", awsSecret)
	broker := startBearerBroker(t, 0, false)
	e := start(t, broker.ListenAddrs(), settings{"auth": settings{"sasl": settings{
		"mechanism": "AWS_MSK_IAM_OAUTHBEARER", "aws_msk": settings{"region": awsRegion},
	}}}, nil)
	require.NoError(t, e.send(t))
	requireRecords(t, broker.Cluster, 1)
	token := strings.Trim(strings.TrimPrefix(broker.messages()[0], "n,,\x01auth=Bearer "), "\x01")
	e.requireSilence(t, nil, awsSecret, token)
	signed, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	u, err := url.Parse(string(signed))
	require.NoError(t, err)
	query := u.Query()
	assert.Equal(t, "kafka."+awsRegion+".amazonaws.com", u.Host)
	assert.Equal(t, "kafka-cluster:Connect", query.Get("Action"))
	assert.Contains(t, query.Get("X-Amz-Credential"), awsKey+"/")
	assert.Equal(t, query.Get("X-Amz-Signature"), awsSignature(u))
}

// awsSignature signs a URL that carries everything but its signature.
func awsSignature(u *url.URL) string {
	query := u.Query()
	query.Del("X-Amz-Signature")
	query.Del("User-Agent") // is added behind the signature
	date := query.Get("X-Amz-Date")
	scope := date[:8] + "/" + awsRegion + "/kafka-cluster/aws4_request"
	empty := sha256.Sum256(nil)
	canonical := sha256.Sum256([]byte(strings.Join([]string{
		"GET", "/", strings.ReplaceAll(query.Encode(), "+", "%20"), "host:" + u.Host, "", "host", hex.EncodeToString(empty[:]),
	}, "\n")))
	key := []byte("AWS4" + awsSecret)
	for _, part := range []string{date[:8], awsRegion, "kafka-cluster", "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, strings.Join([]string{"AWS4-HMAC-SHA256", date, scope, hex.EncodeToString(canonical[:])}, "\n")))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
