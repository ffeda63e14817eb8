// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// A server for the end-to-end tests. It writes a line a request: method, path, status, microseconds.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	server := http.Server{Handler: http.HandlerFunc(answer), ReadHeaderTimeout: time.Minute}
	log.Fatal(server.Serve(listener))
}

func answer(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	status, size := http.StatusOK, 100
	switch path := r.URL.Path; {
	case path == "/large":
		size = 1 << 20
	case path == "/broken":
		status, size = http.StatusInternalServerError, 0
	case path != "/small" && path != "/zipped" && !strings.HasPrefix(path, "/form"):
		status, size = http.StatusNotFound, 0
	}
	if r.URL.Path != "/zipped" { // without a known length: in chunks
		w.Header().Set("Content-Length", strconv.Itoa(size))
	}
	w.WriteHeader(status)
	_, _ = w.Write(bytes.Repeat([]byte("x"), size))
	_ = http.NewResponseController(w).Flush()
	fmt.Println(r.Method, r.URL.Path, status, time.Since(start).Microseconds())
}
