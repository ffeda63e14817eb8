// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package broker runs an Apache Kafka broker, or a cluster of them, for a test, without containers.
//
// The jars come from Maven Central through the pom.xml beside this file and are kept in the user's cache directory, one
// directory for each release and content of the pom, so that the network is needed once. A broker is a KRaft node, broker
// and controller in one process, that listens on free loopback ports and stores everything in a temporary directory:
//
//	mvn dependency:copy-dependencies -> <cache>/otelcol-risk/kafka-<release>-<hash of the pom>/*.jar
//	kafka.tools.StorageTool format   -> <temp>/store
//	kafka.Kafka server.properties    -> 127.0.0.1:<free port>, log in <temp>/broker.log
//
// Environment:
//
//	KAFKA_BROKERS  addresses ("host:port,host:port") of a broker that runs already; nothing is started or stopped then
//	KAFKA_JARS     a directory with the broker's jars (the libs folder of a Kafka download); Maven is not needed then
//	REQUIRE_ALL    "1" makes a missing program a failure instead of a skip
//
// A broker's methods may be called from any goroutine, but Kill, Restart and Stop must not run at the same time. The
// process is ended through its own handle by Stop, and by the kernel should the test program die before.
package broker
