// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The messages are those of RFC 4616, section 4, and RFC 7677, section 3; the servers of the other mechanisms are in
// tests/security and tests/kafka.
func TestPlainSaysNameAndPassword(t *testing.T) {
	conversation, first, err := Plain("tim", "tanstaaftanstaaf").Start(t.Context(), "")
	require.NoError(t, err)
	assert.Equal(t, "\x00tim\x00tanstaaftanstaaf", string(first))
	done, _, err := conversation.Next(nil)
	require.NoError(t, err)
	assert.True(t, done)
}

func TestScramNoticesABrokerThatDoesNotKnowThePassword(t *testing.T) {
	mechanism, err := Scram256("user", "pencil")
	require.NoError(t, err)
	conversation, first, err := mechanism.Start(t.Context(), "")
	require.NoError(t, err)
	require.Regexp(t, "^n,,n=user,r=", string(first))
	nonce := string(first[len("n,,n=user,r="):])
	done, _, err := conversation.Next([]byte("r=" + nonce + "more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"))
	require.NoError(t, err)
	require.False(t, done)
	_, _, err = conversation.Next([]byte("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="))
	assert.ErrorContains(t, err, "check what the broker says")
}

func TestPasswordsThatSASLForbidsAreNotQuoted(t *testing.T) {
	_, err := Scram512("user", "bell\a")
	require.ErrorIs(t, err, errUnprepared)
	assert.NotContains(t, err.Error(), "bell")
}

func TestABearerChallengeIsARefusal(t *testing.T) {
	_, _, err := bearerConversation{}.Next([]byte(`{"status":"invalid_token"}`))
	assert.ErrorContains(t, err, "invalid_token")
}

// acceptor is the broker's side of the end of a conversation about Kerberos.
func acceptor(t *testing.T, key types.EncryptionKey, payload ...byte) []byte {
	t.Helper()
	const fromAcceptor = 1
	token := gssapi.WrapToken{Flags: fromAcceptor, EC: 12, Payload: payload}
	require.NoError(t, token.SetCheckSum(key, keyusage.GSSAPI_ACCEPTOR_SEAL))
	b, err := token.Marshal()
	require.NoError(t, err)
	return b
}

func TestKerberosChoosesNoProtection(t *testing.T) {
	key := types.EncryptionKey{KeyType: 18, KeyValue: make([]byte, 32)}
	c := &kerberosConversation{key: key}
	done, response, err := c.Next(acceptor(t, key, 1, 0, 0, 0))
	require.NoError(t, err)
	require.False(t, done)
	var choice gssapi.WrapToken
	require.NoError(t, choice.Unmarshal(response, false))
	genuine, err := choice.Verify(key, keyusage.GSSAPI_INITIATOR_SEAL)
	require.NoError(t, err)
	assert.True(t, genuine)
	assert.Equal(t, []byte{1, 0, 0, 0}, choice.Payload)
	done, _, err = c.Next(nil)
	require.NoError(t, err)
	assert.True(t, done)
}

func TestKerberosRefusesWhatItCannotCheckOrDo(t *testing.T) {
	key := types.EncryptionKey{KeyType: 18, KeyValue: make([]byte, 32)}
	forged := acceptor(t, key, 1, 0, 0, 0)
	forged[len(forged)-1] ^= 1
	for name, challenge := range map[string][]byte{
		"nothing": nil, "too short": {5, 4}, "forged": forged,
		"protection only": acceptor(t, key, 6, 0, 1, 0), "no offer": acceptor(t, key, 1),
	} {
		_, _, err := (&kerberosConversation{key: key}).Next(challenge)
		assert.Error(t, err, name)
	}
}

func TestKerberosNamesTheFileThatItCannotRead(t *testing.T) {
	_, err := Kerberos(KerberosSettings{Config: "/does/not/exist"})
	assert.ErrorContains(t, err, "read `config_file` \"/does/not/exist\"")
	_, err = Kerberos(KerberosSettings{KeyTab: "/does/not/exist"})
	assert.ErrorContains(t, err, "read `keytab_file` \"/does/not/exist\"")
}

// TestKerberosGivesUpWhenItsTimeIsOver: the server takes the connection and says nothing, as one that is stuck.
func TestKerberosGivesUpWhenItsTimeIsOver(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close()) }()
	path := filepath.Join(t.TempDir(), "krb5.conf")
	require.NoError(t, os.WriteFile(path, []byte(`[libdefaults]
udp_preference_limit = 1
[realms]
REALM = {
 kdc = `+server.Addr().String()+`
}
`), 0o600))
	mechanism, err := Kerberos(KerberosSettings{User: "user", Realm: "REALM", Password: "secret", Service: "kafka", Config: path})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, _, err := mechanism.Start(ctx, "broker")
		ended <- err
	}()
	silent, err := server.Accept()
	require.NoError(t, err)
	cancel()
	err = <-ended
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "log in as user@REALM")
	require.NoError(t, silent.Close()) // ends what goes on behind
}
