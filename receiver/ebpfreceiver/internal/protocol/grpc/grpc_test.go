// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package grpc

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestIs(t *testing.T) {
	for value, want := range map[string]bool{
		"application/grpc": true, "application/grpc+proto": true, "application/grpc;charset=utf-8": true,
		"application/grpc-web": false, "application/grp": false, "text/html": false, "": false,
	} {
		assert.Equal(t, want, Is([]byte(value)), value)
	}
}

func TestMethod(t *testing.T) {
	for path, want := range map[string]string{
		"/shop.Cart/Add": "shop.Cart/Add", "/Cart/Add": "Cart/Add", "/a/shop.Cart/Add": "a/shop.Cart/Add",
		"/Cart": "", "/Cart/": "", "//Add": "", "Cart/Add": "", "/Cart/Add?x": "", "/": "", "": "",
		"/Cart/\xff": "", "/Cart/Add 1": "", "/Cart/\u00e4": "", "/Cart/Add\x7f": "",
	} {
		method, ok := Method([]byte(path))
		assert.Equal(t, want != "", ok, path)
		assert.Equal(t, want, string(method), path)
	}
}

func TestStatus(t *testing.T) {
	for code := range 17 {
		s := ParseStatus([]byte(strconv.Itoa(code)))
		assert.EqualValues(t, code, s)
		assert.NotEmpty(t, s.Name())
	}
	for _, value := range []string{"", "-1", "a", "1 ", "+1", "1.0"} {
		assert.Equal(t, Absent, ParseStatus([]byte(value)), value)
	}
	for _, value := range []string{"17", "99", "256", "99999999999999999999999999"} {
		assert.Equal(t, "UNKNOWN", ParseStatus([]byte(value)).Name(), "%s is an error, whatever it means", value)
	}
	assert.EqualValues(t, 0, ParseStatus([]byte("000")))
	assert.Empty(t, Absent.Name())
	assert.False(t, Absent.ServerError())
	assert.True(t, Status(14).ServerError())
	assert.False(t, Status(5).ServerError())
}

func FuzzGRPC(f *testing.F) {
	f.Add([]byte("/shop.Cart/Add"))
	f.Add([]byte("application/grpc+proto"))
	f.Add([]byte("16"))
	f.Fuzz(func(t *testing.T, value []byte) {
		if method, ok := Method(value); ok && !bytes.Equal(method, value[1:]) {
			t.Fatalf("method of %q is %q", value, method)
		}
		if s := ParseStatus(value); s != Absent && s.Name() == "" {
			t.Fatalf("status %q is %d, which has no name", value, s)
		}
		_ = Is(value)
	})
}

func BenchmarkCall(b *testing.B) {
	path, content, status := []byte("/shop.Cart/Add"), []byte("application/grpc"), []byte("0")
	b.ReportAllocs()
	b.SetBytes(int64(len(path) + len(content) + len(status)))
	for b.Loop() {
		if _, ok := Method(path); !ok || !Is(content) || ParseStatus(status) != 0 {
			b.Fatal("not read")
		}
	}
}
