// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

// HTTPMethod returns a method that semantic conventions know, as a constant; "" for any other. Methods are case-sensitive.
func HTTPMethod(method []byte) string {
	switch string(method) {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "HEAD":
		return "HEAD"
	case "OPTIONS":
		return "OPTIONS"
	case "PATCH":
		return "PATCH"
	case "CONNECT":
		return "CONNECT"
	case "TRACE":
		return "TRACE"
	case "QUERY":
		return "QUERY"
	}
	return ""
}

// HTTPVersion returns the name of an HTTP/1 version by its second number.
func HTTPVersion(minor uint8) string {
	const names = "1.01.11.21.31.41.51.61.71.81.9"
	return names[3*int(minor%10):][:3]
}

// HTTPError says whether an exchange has failed, and how: None if its status code says it. A status code that is an error
// is the error; 4xx is the client's. A response that began well and was then reset or cut off failed all the same, but one
// that was quiet for too long may go on, and one whose client closed may have been enough for it.
func HTTPError(side Side, status uint16, failure Failure) (failed bool, how Failure) {
	switch {
	case status >= 500, status >= 400 && side == Client:
		return true, None
	case status >= 400, failure == None, status != 0 && failure.mayBeWhole():
		return false, None
	}
	return true, failure
}

// mayBeWhole says that a response which began well has not failed for f, as far as is known.
func (f Failure) mayBeWhole() bool { return f == Timeout || f == Cancelled }

// HTTPVersion returns the version that x was spoken in; "" if it was not seen.
func (x *Exchange) HTTPVersion() string {
	switch {
	case x.Kind != HTTP1:
		return "2"
	case x.HTTP.TargetCut:
		return ""
	}
	return HTTPVersion(x.HTTP.Minor)
}
