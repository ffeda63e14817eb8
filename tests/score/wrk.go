// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

// load is what wrk saw of one server. Times are milliseconds.
type load struct {
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
}

// question is what is asked, with two bytes of the address to be filled in.
const question = `{"ip":"198.51.%d.%d","user":"alice","device":"d-1","attributes":{"http.request.method":"POST","url.path":"/login","http.response.status_code":401}}`

// script makes 1024 questions before wrk starts, asks them in turns and prints what came of it.
const script = `
local requests, n = {}, 0
function init()
  wrk.method, wrk.path = "POST", "/v1/score"
  wrk.headers["Content-Type"] = "application/json"
  for i = 0, 1023 do
    requests[i] = wrk.format(nil, nil, nil, string.format('` + question + `', math.floor(i / 256), i % 256))
  end
end
function request()
  n = (n + 1) % 1024
  return requests[n]
end
function done(summary, latency)
  io.write(string.format('RESULT {"requests":%d,"us":%d,"p50":%d,"p99":%d,"errors":%d}\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout))
end
`

// ask asks a server for a while over that many connections.
func ask(ctx context.Context, addr string, connections int, duration time.Duration) (load, error) {
	file, err := os.CreateTemp("", "score-*.lua")
	if err != nil {
		return load{}, fmt.Errorf("write script: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // what is left is a small file
	_, err = file.WriteString(script)
	if closeErr := file.Close(); err != nil || closeErr != nil {
		return load{}, fmt.Errorf("write script: %w, %w", err, closeErr)
	}
	seconds := strconv.Itoa(max(1, int(duration.Round(time.Second)/time.Second)))
	ctx, cancel := context.WithTimeout(ctx, duration+30*time.Second)
	defer cancel()
	// A shell raises the limit of open files, which wrk does not do itself.
	command := exec.CommandContext(ctx, "sh", "-c", `ulimit -n "$(ulimit -Hn)"; exec wrk "$@"`, "wrk",
		"-t2", "-c"+strconv.Itoa(connections), "-d"+seconds+"s", "--timeout", "10s", "-s", file.Name(), "http://"+addr)
	printed, err := command.CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("run wrk: %w\n%s", err, printed)
	}
	return result(printed)
}

// result finds what the script printed. An answer that was not a score, or did not come, makes the figures worthless.
func result(printed []byte) (load, error) {
	var r struct {
		Requests, US, P50, P99, Errors float64
	}
	_, line, _ := bytes.Cut(printed, []byte("RESULT "))
	line, _, _ = bytes.Cut(line, []byte("\n"))
	if err := json.Unmarshal(line, &r); err != nil {
		return load{}, fmt.Errorf("read result of wrk: %w in\n%s", err, printed)
	}
	if r.Errors > 0 || r.Requests == 0 {
		return load{}, fmt.Errorf("%v of %v questions were not answered with a score:\n%s", r.Errors, r.Requests, printed)
	}
	return load{PerSecond: rounded(r.Requests / r.US * 1e6), P50: rounded(r.P50 / 1000), P99: rounded(r.P99 / 1000)}, nil
}

func medians(samples []load) load {
	return load{
		PerSecond: median(samples, func(l load) float64 { return l.PerSecond }),
		P50:       median(samples, func(l load) float64 { return l.P50 }),
		P99:       median(samples, func(l load) float64 { return l.P99 }),
	}
}

func median[T any](samples []T, field func(T) float64) float64 {
	values := make([]float64, 0, len(samples))
	for _, s := range samples {
		values = append(values, field(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// medianRatio is the median of ours over theirs in each pair.
func medianRatio(ours, theirs []load, field func(load) float64) float64 {
	ratios := make([]float64, 0, len(ours))
	for i := range ours {
		ratios = append(ratios, field(ours[i])/field(theirs[i]))
	}
	return rounded(median(ratios, func(r float64) float64 { return r }))
}

func rounded(x float64) float64 { return math.Round(x*1000) / 1000 }
