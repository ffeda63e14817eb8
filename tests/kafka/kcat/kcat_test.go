// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kcat

import (
	"bytes"
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	for _, test := range []struct {
		name    string
		printed string
		want    []Record
	}{
		{"an empty topic", "", nil},
		{"null key", "0 0 17 -1 2\nab\n", []Record{{Timestamp: 17, Value: []byte("ab")}}},
		{"tombstone", "2 9 0 1 -1\nk\n", []Record{{Partition: 2, Offset: 9, Key: []byte("k")}}},
		{"empty value is not null", "0 0 0 -1 0\n\n", []Record{{Value: []byte{}}}},
		{
			"line feeds and zeros inside", "0 1 2 3 4\n\n0 \x00\n\n5\n1 5000000000 6 -1 1\nx\n",
			[]Record{
				{Offset: 1, Timestamp: 2, Key: []byte("\n0 "), Value: []byte("\x00\n\n5")},
				{Partition: 1, Offset: 5000000000, Timestamp: 6, Value: []byte("x")},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := parse([]byte(test.printed))
			if err != nil || !reflect.DeepEqual(found, test.want) {
				t.Errorf("found %+v, %v, want %+v", found, err, test.want)
			}
		})
	}
}

func TestParseRefusesWhatKcatDoesNotPrint(t *testing.T) {
	for _, test := range []struct{ name, printed, want string }{
		{"no line", "0 0 0 -1 -1", "want 5 integers"},
		{"a field too few", "0 0 0 0\n", "want 5 integers"},
		{"not a number", "0 x 0 0 0\n\n", "invalid syntax"},
		{"partition over 32 bits", "4294967296 0 0 -1 -1\n\n", "out of range"},
		{"value cut off", "0 0 0 -1 9\nab\n", "take value: length 9 with 3 bytes left"},
		{"length below null", "0 0 0 -2 0\n\n", "take key: length -2"},
		{"no line feed at the end", "0 0 0 -1 2\nabc", "no line feed"},
		{"second record broken", "0 0 0 -1 0\n\nrubbish\n", "record 1:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := parse([]byte(test.printed))
			if found != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("found %v, %v, want an error with %q", found, err, test.want)
			}
		})
	}
}

func TestReadSaysWhatKcatSaid(t *testing.T) {
	if _, err := exec.LookPath("kcat"); err != nil {
		t.Skip("needs kcat: apt-get install kcat")
	}
	_, err := Read(t.Context(), []string{"127.0.0.1:1"}, "none")
	if err == nil || !strings.Contains(err.Error(), `topic "none"`) || !strings.Contains(err.Error(), "Broker") {
		t.Errorf("found %v", err)
	}
}

// FuzzParse checks that whatever parse accepts is exactly what the records print as, so nothing is lost or made up.
func FuzzParse(f *testing.F) {
	f.Add([]byte("0 1 2 3 4\nkeyabcd\n1 5 6 -1 -1\n\n"))
	f.Add([]byte("0 0 0 -1 9\nab\n"))
	f.Fuzz(func(t *testing.T, printed []byte) {
		records, err := parse(printed)
		if err != nil {
			if records != nil {
				t.Fatalf("error %v with records %v", err, records)
			}
			return
		}
		again, err := parse(render(records))
		if err != nil || !reflect.DeepEqual(again, records) {
			t.Fatalf("%q was read as %+v, which prints as %+v, %v", printed, records, again, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	printed := render([]Record{{Partition: 1, Offset: 2, Key: make([]byte, 32), Value: make([]byte, 1000)}})
	printed = bytes.Repeat(printed, 100)
	b.SetBytes(int64(len(printed)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(printed); err != nil {
			b.Fatal(err)
		}
	}
}

// render prints records as kcat does.
func render(records []Record) []byte {
	var printed bytes.Buffer
	for _, r := range records {
		keyLen, valueLen := len(r.Key), len(r.Value)
		if r.Key == nil {
			keyLen = -1
		}
		if r.Value == nil {
			valueLen = -1
		}
		fmt.Fprintf(&printed, "%d %d %d %d %d\n%s%s\n", r.Partition, r.Offset, r.Timestamp, keyLen, valueLen, r.Key, r.Value)
	}
	return printed.Bytes()
}
