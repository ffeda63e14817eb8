// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// programSize is what a program takes.
type programSize struct {
	instructions int // of the object, as the kernel gets them
	verified     int // that the verifier looked at before it was satisfied; 0: the kernel does not tell (before 5.16)
}

// everything switches on all that adds code, and with it what the verifier has to look at.
func everything() Settings {
	return Settings{
		Exchanges: true, HTTP2: true, TLS: true, TellProcesses: true, Causes: true, TCPLogs: true, TCPRows: 8,
		Limits: make([]uint64, 248), MaxSeries: 100, DetectMessages: 8, RingBufferSize: 1 << 16, WakeupSize: 1 << 12,
		IncludePorts: []uint16{80}, ExcludePorts: []uint16{81},
	}
}

// sizes returns those of all loaded programs, by name.
func (o *Objects) sizes(t *testing.T) map[string]programSize {
	t.Helper()
	spec, err := loadSocket()
	require.NoError(t, err)
	all := map[string]programSize{}
	programs := reflect.ValueOf(o.socketPrograms)
	for i := range programs.NumField() {
		program := programs.Field(i).Interface().(*ebpf.Program)
		name := programs.Type().Field(i).Tag.Get("ebpf")
		info, err := program.Info()
		require.NoError(t, err)
		verified, _ := info.VerifiedInstructions()
		all[name] = programSize{len(spec.Programs[name].Instructions), int(verified)}
	}
	return all
}

// readBudget reads testdata/size_budget: program, most instructions, most verified ones.
func readBudget(t *testing.T) map[string]programSize {
	t.Helper()
	file, err := os.Open("testdata/size_budget")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	budget := map[string]programSize{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		var name string
		var most programSize
		_, err := fmt.Sscan(lines.Text(), &name, &most.instructions, &most.verified)
		require.NoError(t, err, lines.Text())
		budget[name] = most
	}
	return budget
}

// TestProgramsKeepToTheirSize fails when a program, or what the verifier has to look at, grows past the budget. `make
// bpf-size` prints the sizes.
func TestProgramsKeepToTheirSize(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: run as root")
	}
	begun := time.Now()
	objects, err := Load(everything())
	require.NoError(t, err)
	took := time.Since(begun)
	defer func() { assert.NoError(t, objects.Close()) }()
	sizes, budget := objects.sizes(t), readBudget(t)
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "\ninstructions\tof at most\tverified\tof at most\t  program")
	names := make([]string, 0, len(sizes))
	for name := range sizes {
		names = append(names, name)
	}
	slices.Sort(names)
	total := programSize{}
	for _, name := range names {
		size, most := sizes[name], budget[name]
		_, _ = fmt.Fprintf(w, "%d\t%d\t%d\t%d\t  %s\n", size.instructions, most.instructions, size.verified, most.verified, name)
		assert.LessOrEqual(t, size.instructions, most.instructions, "instructions of %s", name)
		assert.LessOrEqual(t, size.verified, most.verified, "instructions of %s that the verifier looks at", name)
		total.instructions += size.instructions
		total.verified += size.verified
	}
	_, _ = fmt.Fprintf(w, "%d\t\t%d\t\t  all\n", total.instructions, total.verified)
	require.NoError(t, w.Flush())
	t.Log(table.String())
	t.Logf("loaded in %v", took.Round(time.Millisecond))
}
