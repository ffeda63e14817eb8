// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package kafkaerr decides what an error code in a broker's answer means for the batch it is about.
//
// Classify is the only place where that is decided; it is a pure function of the code, so the rules of the producer
// can be read and tested without a broker.
package kafkaerr

import "fmt"

// Class is what the producer has to do about an error code.
type Class uint8

const (
	// OK means that the batch is in the log.
	OK Class = iota
	// Retry means: send the same bytes with the same sequences again, to the same broker.
	Retry
	// Refresh means: look up the leader, then send the same bytes with the same sequences again.
	Refresh
	// Sequence means that the broker's memory of this producer does not fit the batch. Behind an earlier batch that is
	// still to be sent again that is a mere consequence; for the first batch in line it means that the state is gone.
	Sequence
	// TooLarge means that the topic does not take a batch of this size.
	TooLarge
	// Unexpected means that the broker failed in a way that it has no name for. The batch may be in the log.
	Unexpected
	// Permanent means that the same bytes will never be accepted.
	Permanent
	// Unauthorized means that somebody has to grant a right first.
	Unauthorized
	// Unauthenticated means that the broker does not believe who we are. It says nothing about the batch, and passes: the
	// server that the broker asks may be away, or a new password on its way to it.
	Unauthenticated
	// Fenced means that another producer has taken over our identity.
	Fenced
)

// String returns the name used in logs.
func (c Class) String() string {
	names := [...]string{"ok", "retry", "refresh", "sequence", "too_large", "unexpected", "permanent", "unauthorized", "unauthenticated", "fenced"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// Classify returns the class of an error code of the Kafka protocol. Unknown codes are Permanent: a newer broker's new
// error must not block a partition for ever.
func Classify(code int16) Class {
	if e, ok := table(code); ok {
		return e.class
	}
	return Permanent
}

// Foreign tells whether a code of class Sequence means that the producer id is another's, or has a newer epoch than we know
// of. With any other the id may be kept, and a new epoch will do.
func Foreign(code int16) bool {
	const invalidEpoch, invalidMapping = 47, 49
	return code == invalidEpoch || code == invalidMapping
}

// Untouched tells whether a code that asks for another attempt says that this one has not touched the log. Most do not: a
// leader that resigns while it waits for its replicas says so of a batch that it has appended.
func Untouched(code int16) bool {
	const corrupt, notEnoughReplicas = 2, 19
	return code == corrupt || code == notEnoughReplicas
}

// NoTopic tells whether a code in the answer to a look-up says that there is no such topic, or none yet.
func NoTopic(code int16) bool {
	const unknownTopic, unknownTopicID = 3, 100
	return code == unknownTopic || code == unknownTopicID
}

// Name returns the code's lower-case name, used as the value of telemetry attributes.
func Name(code int16) string {
	if e, ok := table(code); ok {
		return e.name
	}
	return fmt.Sprintf("error_%d", code)
}

type entry struct {
	name  string
	class Class
}

// table is a switch, not a map, so that it costs nothing at start and cannot be changed at run time.
func table(code int16) (entry, bool) {
	switch code {
	case 0:
		return entry{"none", OK}, true
	case 46:
		// The broker has the batch already, but no longer remembers at which offset.
		return entry{"duplicate_sequence_number", OK}, true
	}
	for _, find := range [...]func(int16) (entry, bool){leadership, transient, sequences, refusals, rights, logins} {
		if e, ok := find(code); ok {
			return e, true
		}
	}
	return entry{}, false
}

// leadership holds codes that say: ask another broker.
func leadership(code int16) (entry, bool) {
	switch code {
	case 3:
		// The topic may be in creation, or the broker may not have heard of it yet.
		return entry{"unknown_topic_or_partition", Refresh}, true
	case 5:
		return entry{"leader_not_available", Refresh}, true
	case 6:
		return entry{"not_leader_or_follower", Refresh}, true
	case 8:
		return entry{"broker_not_available", Refresh}, true
	case 9:
		return entry{"replica_not_available", Refresh}, true
	case 13:
		return entry{"network_exception", Refresh}, true
	case 41:
		return entry{"not_controller", Refresh}, true
	case 56:
		// The leader's disk failed; leadership moves on.
		return entry{"kafka_storage_error", Refresh}, true
	case 72:
		return entry{"listener_not_found", Refresh}, true
	case 74:
		return entry{"fenced_leader_epoch", Refresh}, true
	case 75:
		return entry{"unknown_leader_epoch", Refresh}, true
	case 100:
		return entry{"unknown_topic_id", Refresh}, true
	case 103:
		return entry{"inconsistent_topic_id", Refresh}, true
	case 129:
		return entry{"rebootstrap_required", Refresh}, true
	}
	return entry{}, false
}

// transient holds codes that say: the same broker, later.
func transient(code int16) (entry, bool) {
	switch code {
	case 2:
		// The checksum was wrong when the bytes arrived; the bytes here are intact.
		return entry{"corrupt_message", Retry}, true
	case 7:
		// The batch is in the leader's log, the replicas did not confirm in time. Only the same sequence is safe.
		return entry{"request_timed_out", Retry}, true
	case 14:
		return entry{"coordinator_load_in_progress", Retry}, true
	case 15:
		return entry{"coordinator_not_available", Retry}, true
	case 16:
		return entry{"not_coordinator", Retry}, true
	case 19:
		return entry{"not_enough_replicas", Retry}, true
	case 20:
		// As request_timed_out: appended, not replicated.
		return entry{"not_enough_replicas_after_append", Retry}, true
	case 51:
		return entry{"concurrent_transactions", Retry}, true
	case 89:
		return entry{"throttling_quota_exceeded", Retry}, true
	}
	return entry{}, false
}

// sequences holds codes that say: the broker remembers this producer differently.
func sequences(code int16) (entry, bool) {
	switch code {
	case 45:
		return entry{"out_of_order_sequence_number", Sequence}, true
	case 47:
		// Without a transactional id nobody can fence us: the id was given to somebody else, or the state is stale.
		return entry{"invalid_producer_epoch", Sequence}, true
	case 49:
		return entry{"invalid_producer_id_mapping", Sequence}, true
	case 59:
		return entry{"unknown_producer_id", Sequence}, true
	case 90:
		return entry{"producer_fenced", Fenced}, true
	}
	return entry{}, false
}

// refusals holds codes that say: never these bytes, or do not say why.
func refusals(code int16) (entry, bool) {
	switch code {
	case -1:
		// Java's producer gives up here. But it may pass (a full disk that has been mended, a bug of an old version that a
		// rolling upgrade removes), and with the same sequence another attempt does no harm.
		return entry{"unknown_server_error", Unexpected}, true
	case 10:
		return entry{"message_too_large", TooLarge}, true
	case 17:
		return entry{"invalid_topic", Permanent}, true
	case 18:
		return entry{"record_list_too_large", TooLarge}, true
	case 21:
		return entry{"invalid_required_acks", Permanent}, true
	case 32:
		return entry{"invalid_timestamp", Permanent}, true
	case 35:
		return entry{"unsupported_version", Permanent}, true
	case 42:
		return entry{"invalid_request", Permanent}, true
	case 43:
		return entry{"unsupported_for_message_format", Permanent}, true
	case 44:
		return entry{"policy_violation", Permanent}, true
	case 48:
		return entry{"invalid_txn_state", Permanent}, true
	case 76:
		return entry{"unsupported_compression_type", Permanent}, true
	case 87:
		return entry{"invalid_record", Permanent}, true
	}
	return entry{}, false
}

// rights holds codes that say: not you.
func rights(code int16) (entry, bool) {
	switch code {
	case 29:
		return entry{"topic_authorization_failed", Unauthorized}, true
	case 30:
		return entry{"group_authorization_failed", Unauthorized}, true
	case 31:
		// Before Kafka 2.8 idempotent writes need the IdempotentWrite right on the cluster.
		return entry{"cluster_authorization_failed", Unauthorized}, true
	case 53:
		return entry{"transactional_id_authorization_failed", Unauthorized}, true
	}
	return entry{}, false
}

// logins holds codes that say: who are you?
func logins(code int16) (entry, bool) {
	switch code {
	case 33:
		return entry{"unsupported_sasl_mechanism", Unauthenticated}, true
	case 34:
		return entry{"illegal_sasl_state", Retry}, true
	case 58:
		return entry{"sasl_authentication_failed", Unauthenticated}, true
	}
	return entry{}, false
}
