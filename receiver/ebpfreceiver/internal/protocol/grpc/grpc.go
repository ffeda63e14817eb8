// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package grpc

import "bytes"

// contentType is how every gRPC content type begins; `+proto`, `;...` or nothing follows. `application/grpc-web` is
// another protocol.
const contentType = "application/grpc"

// Is says whether a message with that content type is one of gRPC.
func Is(value []byte) bool {
	if len(value) < len(contentType) || string(value[:len(contentType)]) != contentType {
		return false
	}
	rest := value[len(contentType):]
	return len(rest) == 0 || rest[0] == '+' || rest[0] == ';'
}

// Method returns the fully-qualified method, `package.Service/Method`, of a request's path; ok is false if the path has
// another form.
func Method(path []byte) (method []byte, ok bool) {
	if len(path) < len("/a/b") || path[0] != '/' {
		return nil, false
	}
	method = path[1:]
	slash := bytes.LastIndexByte(method, '/')
	if slash <= 0 || slash == len(method)-1 || bytes.ContainsAny(method, "?#") || !visible(method) {
		return nil, false
	}
	return method, true
}

// visible says whether text is ASCII without space and control characters. A path that is not names no method that a
// service could have.
func visible(text []byte) bool {
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// Status is a status code.
type Status uint8

// Absent is the Status of a call whose status was not seen.
const Absent Status = 0xff

// unknown is the status UNKNOWN.
const unknown = 2

// ParseStatus reads the value of grpc-status; Absent if it is no number. A number without a meaning is an error all the
// same, which clients take for UNKNOWN.
func ParseStatus(value []byte) Status {
	n := 0
	for _, c := range value {
		if c < '0' || c > '9' {
			return Absent
		}
		n = min(n*10+int(c-'0'), len(names))
	}
	switch {
	case len(value) == 0:
		return Absent
	case n >= len(names):
		return unknown
	}
	return Status(n)
}

var names = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// Name returns the name of s as semantic conventions want it; "" for Absent.
func (s Status) Name() string {
	if int(s) < len(names) {
		return names[s]
	}
	return ""
}

// ServerError says whether s is an error of the server, not of the client that called it (semantic conventions for
// gRPC, section "gRPC status").
func (s Status) ServerError() bool {
	switch s.Name() {
	case "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS":
		return true
	}
	return false
}
