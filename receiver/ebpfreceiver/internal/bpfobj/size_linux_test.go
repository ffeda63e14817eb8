// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/rlimit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// programSize is what a program takes.
type programSize struct {
	instructions int // of the object, as the kernel gets them
	verified     int // that the verifier looked at before it was satisfied
}

// everything switches on all that adds code, and with it what the verifier has to look at.
func everything() Settings {
	return Settings{
		Exchanges: true, HTTP2: true, TLS: true, TellProcesses: true, Causes: true, Rests: true, Idle: true, TCPLogs: true, TCPRows: 8,
		Limits: make([]uint64, 248), MaxSeries: 100, DetectMessages: 8, RingBufferSize: 1 << 16, WakeupSize: 1 << 12,
		IncludePorts: []uint16{80}, ExcludePorts: []uint16{81},
	}
}

// processed is what the verifier says of a program that it has accepted.
var processed = regexp.MustCompile(`processed ([0-9]+) insns`)

// sizes loads all programs and returns their sizes, by name. The figures are those of the verifier's log: a program's own
// information has them since Linux 5.16 only.
func sizes(t *testing.T, settings Settings) map[string]programSize {
	t.Helper()
	require.NoError(t, rlimit.RemoveMemlock())
	spec, err := loadSocket()
	require.NoError(t, err)
	require.NoError(t, settings.apply(spec))
	all, err := sizesOf(t, spec)
	require.NoError(t, err)
	spec, err = loadSweep()
	require.NoError(t, err)
	apart, err := sizesOf(t, spec)
	if !canSweep(t) {
		require.Error(t, err, "it was thought that this kernel cannot do that")
		t.Logf("not loaded: %v", err)
		return all
	}
	require.NoErrorf(t, err, "%+v", err)
	maps.Copy(all, apart)
	return all
}

// canSweep says whether the kernel has what [Objects.NewSweeper] needs.
func canSweep(t *testing.T) bool {
	t.Helper()
	version, err := features.LinuxVersionCode()
	require.NoError(t, err)
	_, err = os.Stat("/sys/kernel/btf/vmlinux")
	return version >= 5<<16|11<<8 && err == nil
}

func sizesOf(t *testing.T, spec *ebpf.CollectionSpec) (map[string]programSize, error) {
	t.Helper()
	options := ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{LogLevel: ebpf.LogLevelStats}}
	loaded, err := ebpf.NewCollectionWithOptions(spec, options)
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	all := map[string]programSize{}
	for name, program := range loaded.Programs {
		said := processed.FindStringSubmatch(program.VerifierLog)
		require.Len(t, said, 2, "%s: %s", name, program.VerifierLog)
		verified, err := strconv.Atoi(said[1])
		require.NoError(t, err)
		all[name] = programSize{len(spec.Programs[name].Instructions), verified}
	}
	return all, nil
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
	sizes, budget := sizes(t, everything()), readBudget(t)
	took := time.Since(begun)
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
	t.Logf("%d instructions verified, loaded in %v", total.verified, took.Round(time.Millisecond))
}
