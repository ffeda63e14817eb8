// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package kcat reads topics with the program kcat, a Kafka client that this project did not write.
//
// What we write is therefore judged by librdkafka's idea of the protocol, record format and compression, not by ours.
// kcat prints each record in a form that keeps arbitrary bytes, which Read parses:
//
//	<partition> <offset> <timestamp, ms> <length of key> <length of value> LF <key> <value> LF
//
// A length of -1 stands for null. All functions may be called from any goroutine. The records' slices belong to the
// caller and share one buffer.
package kcat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Record is one record of a topic.
type Record struct {
	Partition int32
	Offset    int64
	// Timestamp is the record's time in milliseconds since the Unix epoch.
	Timestamp int64
	// Key and Value are nil for null and empty but not nil for nothing.
	Key, Value []byte
}

// format makes kcat print what parse reads.
const format = `%p %o %T %K %S\n%k%s\n`

// limit bounds one run of kcat.
const limit = time.Minute

// Read returns the records that the topic holds now, as a consumer that sees committed transactions only, in the order
// of their offsets within each partition.
func Read(ctx context.Context, brokers []string, topic string) ([]Record, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// -e ends at the end of all partitions, -q keeps notices of that out of the output.
	command := exec.CommandContext(ctx, "kcat", "-C", "-e", "-q", "-b", strings.Join(brokers, ","), "-t", topic,
		"-o", "beginning", "-X", "isolation.level=read_committed", "-X", "fetch.wait.max.ms=20", "-f", format)
	var said bytes.Buffer
	command.Stderr = &said
	printed, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("run kcat on topic %q: %w: %s", topic, err, bytes.TrimSpace(said.Bytes()))
	}
	records, err := parse(printed)
	if err != nil {
		return nil, fmt.Errorf("read kcat's output for topic %q: %w", topic, err)
	}
	return records, nil
}

// parse reads records in the form of format until the input ends.
func parse(printed []byte) ([]Record, error) {
	var records []Record
	for len(printed) > 0 {
		record, rest, err := parseOne(printed)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", len(records), err)
		}
		records = append(records, record)
		printed = rest
	}
	return records, nil
}

// fieldCount is the number of integers in a record's first line.
const fieldCount = 5

// parseOne reads the first record and returns what follows it.
func parseOne(printed []byte) (Record, []byte, error) {
	line, rest, found := bytes.Cut(printed, []byte("\n"))
	words := strings.Split(string(line), " ")
	if !found || len(words) != fieldCount {
		return Record{}, nil, fmt.Errorf("parse line %.80q: want %d integers", line, fieldCount)
	}
	var fields [fieldCount]int64
	for i, word := range words {
		bits := 64
		if i != 1 && i != 2 { // all but offset and timestamp have 32 bits in the protocol
			bits = 32
		}
		number, err := strconv.ParseInt(word, 10, bits)
		if err != nil {
			return Record{}, nil, fmt.Errorf("parse line %.80q: %w", line, err)
		}
		fields[i] = number
	}
	record := Record{Partition: int32(fields[0]), Offset: fields[1], Timestamp: fields[2]}
	var err error
	if record.Key, rest, err = take(rest, fields[3]); err != nil {
		return Record{}, nil, fmt.Errorf("take key: %w", err)
	}
	if record.Value, rest, err = take(rest, fields[4]); err != nil {
		return Record{}, nil, fmt.Errorf("take value: %w", err)
	}
	if len(rest) == 0 || rest[0] != '\n' {
		return Record{}, nil, errors.New("take end of record: no line feed after the value")
	}
	return record, rest[1:], nil
}

// take splits off n bytes; n is -1 for null.
func take(from []byte, n int64) (taken, rest []byte, err error) {
	if n == -1 {
		return nil, from, nil
	}
	if n < 0 || n > int64(len(from)) {
		return nil, nil, fmt.Errorf("length %d with %d bytes left", n, len(from))
	}
	return from[:n:n], from[n:], nil
}
