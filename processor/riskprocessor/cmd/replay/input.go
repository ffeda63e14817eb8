// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxRequestBytes is the size up to which a request is read, some times what exporters send at once.
const maxRequestBytes = 256 << 20

// input is a file of requests, with the next one.
type input struct {
	name   string
	file   *os.File
	reader *bufio.Reader
	proto  bool
	line   int   // of the next request in a JSON file, from 1
	offset int64 // of the next request in a proto file
	next   *request
}

// inputs are the files, read side by side.
type inputs []*input

// open opens the files and reads the first request of each.
func open(names []string) (inputs, error) {
	var all inputs
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			all.close()
			return nil, fmt.Errorf("open file: %w", err)
		}
		in := &input{name: name, file: file, reader: bufio.NewReaderSize(file, 1<<16), line: 1}
		all = append(all, in)
		if err := in.begin(); err != nil {
			all.close()
			return nil, err
		}
	}
	return all, nil
}

func (i inputs) close() {
	for _, in := range i {
		_ = in.file.Close() // was only read
	}
}

// take returns the request with the earliest time, of several the one of the first file, or nil after the last one.
func (i inputs) take() (*request, error) {
	var first *input
	for _, in := range i {
		if in.next != nil && (first == nil || in.next.time < first.next.time) {
			first = in
		}
	}
	if first == nil {
		return nil, nil
	}
	r := first.next
	return r, first.advance()
}

// begin finds out the format: JSON begins with a brace, or a byte that no length of a request begins with.
func (in *input) begin() error {
	head, err := in.reader.Peek(4)
	switch {
	case len(head) == 0 && errors.Is(err, io.EOF):
		return nil // nothing was recorded
	case len(head) > 0 && err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("read %q: %w", in.name, err)
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return fmt.Errorf("read %q: it is compressed with zstd: decompress it first", in.name)
	case len(head) > 1 && head[0] == 0x1f && head[1] == 0x8b:
		return fmt.Errorf("read %q: it is compressed with gzip: decompress it first", in.name)
	}
	trimmed := bytes.TrimLeft(head, " \t\r\n")
	in.proto = len(trimmed) > 0 && trimmed[0] != '{'
	return in.advance()
}

// advance reads the next request; nil at the end.
func (in *input) advance() error {
	in.next = nil
	if in.proto {
		return in.advanceProto()
	}
	for {
		line, err := in.readLine()
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return fmt.Errorf("read %q: line %d: %w", in.name, in.line, err)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			r, parseErr := parseJSON(text)
			if parseErr != nil {
				return fmt.Errorf("parse %q: line %d: %w", in.name, in.line, parseErr)
			}
			in.next = r
		}
		in.line++
		if in.next != nil || last {
			return nil
		}
	}
}

// readLine reads to the end of the line, which must not be too far.
func (in *input) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := in.reader.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxRequestBytes:
			return nil, fmt.Errorf("is longer than %d bytes", maxRequestBytes)
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}

func (in *input) advanceProto() error {
	at := in.offset
	var head [4]byte
	n, err := io.ReadFull(in.reader, head[:])
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("read %q: offset %d: length of a request: got %d of 4 bytes: %w", in.name, at, n, err)
	}
	size := int64(binary.BigEndian.Uint32(head[:]))
	if size > maxRequestBytes {
		return fmt.Errorf("read %q: offset %d: a request of %d bytes is larger than %d: is it OTLP with `format: proto`?", in.name, at, size, maxRequestBytes)
	}
	var message bytes.Buffer
	if got, err := io.CopyN(&message, in.reader, size); err != nil {
		return fmt.Errorf("read %q: offset %d: request of %d bytes: got %d: %w", in.name, at, size, got, err)
	}
	if in.next, err = parseProto(message.Bytes()); err != nil {
		return fmt.Errorf("parse %q: offset %d: request of %d bytes: %w", in.name, at, size, err)
	}
	in.offset += 4 + size
	return nil
}
