// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import "time"

// Kinds of a [Delta].
const (
	// KindAdd adds amounts; the total is their sum.
	KindAdd uint8 = 1
	// KindDistinct adds elements to a set; the total is about the number of different ones (HyperLogLog, error 0.81 %).
	KindDistinct uint8 = 2
)

// Delta is what one collector adds to a number of the fleet.
type Delta = struct {
	// Kind is [KindAdd] or [KindDistinct].
	Kind uint8
	// First is true for the first delta of this key and step by this value: the fleet's expiry is then set, and the
	// total of the step before is looked up. To repeat it costs time, to leave it out leaves keys behind forever.
	First bool
	// Feature says what is counted: a hash of all that collectors must agree on to mean the same (name, entity, window,
	// condition), not seeded.
	Feature uint64
	// Key says of whom: the entity's hash, made with Seed.
	Key uint64
	// Step is the number of the time step that the amount belongs to, by the clock that collectors have in common: time
	// since 1970 in UTC, divided by the step's length. Step-1 is the one before.
	Step int64
	// Expiry is how long the fleet remembers the step; it must reach to the end of the next step.
	Expiry time.Duration
	// Value is the amount (KindAdd; in units that the feature chooses) or the hash of the element (KindDistinct).
	Value int64
	// Local is what this collector alone counts for the key and step: events, or different elements. A key is not
	// published below publish_min.
	Local int64
}

// Total is what the fleet has counted for one key and step.
type Total = struct {
	// Kind, Feature, Key and Step are those of the [Delta].
	Kind    uint8
	Feature uint64
	Key     uint64
	Step    int64
	// Total is the number of the step.
	Total int64
	// Previous is the number of the step before; of distinct elements, those that are not in this step, too. -1 when it
	// was not looked up: what was said before still holds. For both kinds an estimate of a sliding window is
	// Total + Previous * (share of the previous step that the window covers).
	Previous int64
}

// Attribute is one attribute of a [ScoreRequest].
type Attribute = struct {
	Key string
	// Kind is one of the Attribute kinds; it says which of the following holds the value.
	Kind  uint8
	Text  string
	Int   int64 // also 0 or 1 of a Bool
	Float float64
}

// Kinds of an [Attribute].
const (
	AttributeText  uint8 = 1
	AttributeInt   uint8 = 2
	AttributeFloat uint8 = 3
	AttributeBool  uint8 = 4
)

// Entity is one entity of a [ScoreRequest]: the name ("ip", "user", "device" or one of the processor's), and who it is.
type Entity = struct {
	Name  string
	Value string
}

// ScoreRequest asks for a score. It and its strings are the scorer's only until it returns.
type ScoreRequest = struct {
	Entities   []Entity
	Attributes []Attribute
	// Observe says that what is asked about has happened and is to be counted, too. False only looks: the traffic itself
	// is usually seen by a pipeline, and would be counted twice.
	Observe bool
}

// ScoreAnswer is filled in by the scorer. It comes empty, Reasons with room to append to.
type ScoreAnswer = struct {
	Score    float64
	Level    string
	Reasons  []string
	Degraded bool
}
