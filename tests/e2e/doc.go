// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the built collector on the running kernel: real programs talk over loopback, the collector watches
// their sockets, and what comes out of Kafka is compared with what these programs themselves counted.
//
//	nginx, Apache httpd, Node,
//	Python, Java, Go server  <--- HTTP ---> curl, wrk, Go client
//	   |  access log           (sockets)         |  own count
//	   |                           |             |
//	   |                       collector         |
//	   |                           |             |
//	   |                         broker          |
//	   +--------> compared <----- spans -------->+
//
// The package has tests only. The collector is the one that OTELCOL_RISK_BIN names, else bin/otelcol-risk of this
// repository. Each test has a collector and a broker of its own; filters keep the traffic of other tests out.
package e2e
