// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

// Spec says what to run. The zero value is one broker of the newest release that takes plain text from anybody.
type Spec struct {
	// Release is what to run; "" means Kafka4.
	Release Release
	// Nodes is the number of brokers, each of which is a controller, too; 0 means 1. With three or more, topics have three
	// replicas, of which two have to confirm.
	Nodes int
	// Proxy is the address of a proxy before a single broker, which clients are told to use if they come from it. It must
	// connect to Broker.Behind. "" means that there is none.
	Proxy string
	// Listeners are further ports of each broker.
	Listeners []Listener
	// Properties are further lines of server.properties.
	Properties []string
	// Format are further arguments of the tool that formats the store.
	Format []string
	// Java are further arguments of the broker's java.
	Java []string
}

// Listener is a port of a broker.
type Listener struct {
	// Name is any word in capitals. Properties refer to it in lower case.
	Name string
	// Protocol is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
	Protocol string
}

func (s *Spec) release() Release {
	if s.Release == "" {
		return Kafka4
	}
	return s.Release
}

func (s *Spec) nodes() int { return max(s.Nodes, 1) }

// heap bounds the memory of one broker.
func (s *Spec) heap() string {
	if s.nodes() > 1 {
		return "-Xmx256m"
	}
	return "-Xmx512m"
}
