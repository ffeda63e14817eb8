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
// caller.
package kcat

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// Follower is a kcat that goes on reading. It must be used by one goroutine.
type Follower struct {
	cancel  context.CancelFunc
	command *exec.Cmd
	said    *bytes.Buffer
	printed *bufio.Reader
}

// Follow starts a kcat that reads the topic from its beginning until Close.
func Follow(brokers []string, topic string) (*Follower, error) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Follower{cancel: cancel, said: &bytes.Buffer{}}
	// -u hands out each record at once.
	f.command = exec.CommandContext(ctx, "kcat", "-C", "-u", "-q", "-b", strings.Join(brokers, ","), "-t", topic,
		"-o", "beginning", "-X", "isolation.level=read_committed", "-X", "fetch.wait.max.ms=10", "-f", format)
	f.command.Stderr = f.said
	printed, err := f.command.StdoutPipe()
	if err == nil {
		err = f.command.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("run kcat on topic %q: %w", topic, err)
	}
	f.printed = bufio.NewReader(printed)
	return f, nil
}

// Next waits for the next record.
func (f *Follower) Next() (Record, error) {
	record, err := parseOne(f.printed)
	if err != nil {
		return Record{}, fmt.Errorf("read kcat's output: %w", err)
	}
	return record, nil
}

// Close ends kcat, and returns what it complained about, if anything.
func (f *Follower) Close() error {
	f.cancel()
	_ = f.command.Wait() // it was killed
	if f.said.Len() > 0 {
		return fmt.Errorf("kcat said: %s", bytes.TrimSpace(f.said.Bytes()))
	}
	return nil
}

// parse reads records in the form of format until the input ends.
func parse(printed []byte) ([]Record, error) {
	var records []Record
	reader := bufio.NewReader(bytes.NewReader(printed))
	for {
		if _, err := reader.Peek(1); err != nil {
			return records, nil //nolint:nilerr // bytes in memory only end
		}
		record, err := parseOne(reader)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", len(records), err)
		}
		records = append(records, record)
	}
}

// fieldCount is the number of integers in a record's first line.
const fieldCount = 5

// parseOne reads one record.
func parseOne(from *bufio.Reader) (Record, error) {
	line, err := from.ReadString('\n')
	line = strings.TrimSuffix(line, "\n")
	words := strings.Split(line, " ")
	if err != nil || len(words) != fieldCount {
		return Record{}, fmt.Errorf("parse line %.80q: want %d integers: %w", line, fieldCount, err)
	}
	var fields [fieldCount]int64
	for i, word := range words {
		bits := 64
		if i != 1 && i != 2 { // all but offset and timestamp have 32 bits in the protocol
			bits = 32
		}
		number, err := strconv.ParseInt(word, 10, bits)
		if err != nil {
			return Record{}, fmt.Errorf("parse line %.80q: %w", line, err)
		}
		fields[i] = number
	}
	record := Record{Partition: int32(fields[0]), Offset: fields[1], Timestamp: fields[2]}
	if record.Key, err = take(from, fields[3]); err != nil {
		return Record{}, fmt.Errorf("take key: %w", err)
	}
	if record.Value, err = take(from, fields[4]); err != nil {
		return Record{}, fmt.Errorf("take value: %w", err)
	}
	if end, err := from.ReadByte(); err != nil || end != '\n' {
		return Record{}, errors.New("take end of record: no line feed after the value")
	}
	return record, nil
}

// take reads n bytes; n is -1 for null. A length may lie about how many there are, and costs no memory then.
func take(from io.Reader, n int64) ([]byte, error) {
	if n == -1 {
		return nil, nil
	}
	if n < 0 {
		return nil, fmt.Errorf("length %d", n)
	}
	taken, err := io.ReadAll(io.LimitReader(from, n))
	if err == nil && int64(len(taken)) < n {
		err = fmt.Errorf("length %d with %d bytes left", n, len(taken))
	}
	return taken, err
}
