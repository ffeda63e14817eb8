// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import "github.com/redis/rueidis"

// markerExpiry is how long Redis remembers the number of a collector's last batch, in milliseconds: two days, longer
// than a batch may wait, as steps are at most a day long.
const markerExpiry = "172800000"

// applyScript applies a batch unless it has been applied, and returns the number of the batch applied before, followed
// by total and previous of every item.
//
//	KEYS  marker, then for every item its key and that of the step before
//	ARGV  sequence, expiry of the marker, then for every item: first, expiry, number of elements,
//	      and its elements or, if there are none, its amount
//
// The marker comes first: where Redis refuses to write, nothing has been added yet. What then still fails (a sum that
// overflows, a key of another type) answers -1, and does not keep the others back.
var applyScript = rueidis.NewLuaScript(`
local function number(reply)
  if type(reply) == 'table' then return -1 end
  return tonumber(reply or '0')
end
local sequence = tonumber(ARGV[1])
local applied = tonumber(redis.call('GET', KEYS[1]) or '0')
local fresh = applied < sequence
if fresh then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
local reply, a = {applied}, 3
for k = 2, #KEYS, 2 do
  local key, first, expiry, elements = KEYS[k], ARGV[a], ARGV[a + 1], tonumber(ARGV[a + 2])
  local total, previous = -1, -1
  a = a + 3
  if elements == 0 then
    if fresh then
      total = number(redis.pcall('INCRBY', key, ARGV[a]))
      if total == tonumber(ARGV[a]) then redis.pcall('PEXPIRE', key, expiry) end
    else
      total = number(redis.pcall('GET', key))
    end
    if first == '1' then previous = number(redis.pcall('GET', KEYS[k + 1])) end
    a = a + 1
  else
    if fresh and redis.pcall('PFADD', key, unpack(ARGV, a, a + elements - 1)) == 1 and redis.pcall('PTTL', key) == -1 then
      redis.pcall('PEXPIRE', key, expiry)
    end
    total = number(redis.pcall('PFCOUNT', key))
    previous = math.max(-1, number(redis.pcall('PFCOUNT', key, KEYS[k + 1])) - total)
    a = a + elements
  end
  reply[#reply + 1], reply[#reply + 2] = total, previous
end
return reply`)

// heartbeatScript says that a collector is alive and agrees on the seed. It returns the number of collectors alive and
// the fleet's seed. Time is Redis' own, so clocks of collectors do not matter.
//
//	KEYS  members, seed
//	ARGV  instance, milliseconds after which a silent one is gone, seed to be used if there is none
var heartbeatScript = rueidis.NewLuaScript(`
if redis.replicate_commands then redis.replicate_commands() end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'NX')
return {tostring(redis.call('ZCARD', KEYS[1])), redis.call('GET', KEYS[2])}`)
