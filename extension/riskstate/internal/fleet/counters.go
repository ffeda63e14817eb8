// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// errUnreachable answers at once while Redis is known to be away.
var errUnreachable = errors.New("redis is not reached")

// AddCounts adds counts to the bucket that all collectors share, each by an addition of its own. It may be called by
// many goroutines. After an error some may have been added; they are not added again. ctx bounds it, as does the
// timeout.
func (f *Fleet) AddCounts(ctx context.Context, sampler string, bucket int64, counts map[string]float64, expiry time.Duration) error {
	client, err := f.reached()
	if err != nil {
		return err
	}
	if len(counts) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, f.settings.Timeout)
	defer cancel()
	key := f.countersKey(sampler, bucket)
	commands := make(rueidis.Commands, 0, len(counts)+1)
	for name, n := range counts {
		commands = append(commands, client.B().Hincrbyfloat().Key(key).Field(name).Increment(n).Build())
	}
	commands = append(commands, client.B().Pexpire().Key(key).Milliseconds(expiry.Milliseconds()).Build())
	for _, reply := range client.DoMulti(ctx, commands...) {
		if err := reply.Error(); err != nil {
			return fmt.Errorf("add counts of sampler %q to Redis: %w", sampler, err)
		}
	}
	return nil
}

// ReadCounts returns what all collectors have added to the bucket; a map of the caller's own, empty if nothing.
func (f *Fleet) ReadCounts(ctx context.Context, sampler string, bucket int64) (map[string]float64, error) {
	client, err := f.reached()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.settings.Timeout)
	defer cancel()
	fields, err := client.Do(ctx, client.B().Hgetall().Key(f.countersKey(sampler, bucket)).Build()).AsStrMap()
	if err != nil {
		return nil, fmt.Errorf("read counts of sampler %q from Redis: %w", sampler, err)
	}
	counts := make(map[string]float64, len(fields))
	for name, text := range fields {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("read count %q of sampler %q from Redis: %q is not a number", name, sampler, text)
		}
		counts[name] = n
	}
	return counts, nil
}

func (f *Fleet) reached() (rueidis.Client, error) {
	client := f.client.Load()
	if client == nil || f.away.Load() {
		return nil, errUnreachable
	}
	return *client, nil
}

func (f *Fleet) countersKey(sampler string, bucket int64) string {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(sampler)) // never fails
	return f.lanes[laneOf(hash.Sum64(), uint64(bucket))].prefix + "c" + sampler + ":" + strconv.FormatInt(bucket, 10)
}
