// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package event decodes the records that the BPF programs write into the ring buffer. The layout's single source is
// bpf/event.h; a test of package bpfobj compares this package's offsets with the object's BTF.
//
// All numbers are little-endian. Every record begins with the same 32 bytes:
//
//	 0        8        16              24         28     29     30      31
//	+--------+--------+---------------+----------+------+------+-------+-------+
//	| cookie | time   | response      | exchange | kind | side | flags | scale |
//	|        | ns     | bytes         | number   |      |      |       |       |
//	+--------+--------+---------------+----------+------+------+-------+-------+
//
// The scale means something in an exchange record only. A progress or end record is no longer. A response record goes on with
//
//	 32             36      40
//	+--------------+-------+------------------------+
//	| response len | 0     | bytes of the response  |
//	+--------------+-------+------------------------+
//
// a process record with the owner, 32 bytes, a within record with cookie (8) and number (4) of the server's exchange, and an exchange record with
//
//	 32      40      48       56       64       72      104     120    136   138   140     142      144       152
//	+-------+-------+--------+--------+--------+-------+-------+------+-----+-----+-------+--------+---------+---------+
//	|request|request|previous|previous| cgroup | owner | local | peer |local|peer |request|response|threshold| request,|
//	|ns     |bytes  |ns      |bytes   | id     |       | addr. | addr.|port |port |len    |len     |         | response|
//	+-------+-------+--------+--------+--------+-------+-------+------+-----+-----+-------+--------+---------+---------+
//
// A connection record (kind TCP) has its own type, [Connection]:
//
//	 32     40          48       56    64         68   72      104    120    136    138    140   141 144    152      156
//	+------+-----------+--------+-----+----------+----+-------+------+------+------+------+-----+---+------+--------+---+
//	|opened|established|received|sent |retrans-  |srtt| owner | local| peer | local| peer |cause| 0 |within|within  | 0 |
//	|ns    |ns         |bytes   |bytes|mits      |us  |       | addr.| addr.| port | port |     |   |cookie|exchange|   |
//	+------+-----------+--------+-----+----------+----+-------+------+------+------+------+-----+---+------+--------+---+
//
// Streams (HTTP/2, TLS handshakes) begin with a record of the layout of an exchange record, without heads and with the
// protocol in place of the scale. Their other records are
//
//	 0        8        16     20     24         28     29     30      31         32     36     37       38  40
//	+--------+--------+------+------+----------+------+------+-------+----------+------+------+--------+---+----------+
//	| cookie | time   | from | to   | captured | kind | side | flags | protocol | rest | tail | ending | 0 | captured |
//	|        | ns     |      |      | bytes    |      |      |       |          |      |      |        |   | bytes    |
//	+--------+--------+------+------+----------+------+------+-------+----------+------+------+--------+---+----------+
//
// Decoding allocates nothing; byte slices alias the record and are valid as long as it is. An [Event] is not safe for
// concurrent use.
package event
