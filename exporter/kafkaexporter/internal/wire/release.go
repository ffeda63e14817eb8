// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"github.com/segmentio/kafka-go/protocol"
)

// Release is a release of Kafka, whose requests are not to be exceeded. The zero value sets no bound.
type Release struct {
	major, minor int
}

// ParseRelease reads a release as in "2.1.0", "2.1", "v3.9" or "0.11.0". The oldest is 0.11, which brought the record
// batches that this package writes.
func ParseRelease(s string) (Release, error) {
	parts := regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(\.\d{1,4}){0,2}$`).FindStringSubmatch(s)
	if parts == nil {
		return Release{}, fmt.Errorf("must be a release of Kafka, 2.1.0 for example, found %q", s)
	}
	major, _ := strconv.Atoi(parts[1]) // the expression admits nothing but small numbers
	minor, _ := strconv.Atoi(parts[2])
	r := Release{major, minor}
	if r.before(0, 11) {
		return Release{}, fmt.Errorf("must be 0.11.0 or later, found %q", s)
	}
	return r, nil
}

func (r Release) before(major, minor int) bool {
	return r.major < major || r.major == major && r.minor < minor
}

// bound returns the newest version of a request that the release has. Source: the message definitions of Apache Kafka
// (clients/src/main/resources/common/message) at each release.
func (r Release) bound(key protocol.ApiKey) int16 {
	if r == (Release{}) {
		return math.MaxInt16
	}
	type step struct {
		major, minor int
		version      int16 // of releases before
	}
	var steps []step
	switch key {
	case protocol.Produce:
		steps = []step{{1, 0, 3}, {2, 0, 5}, {2, 1, 6}, {2, 4, 7}, {2, 8, 8}}
	case protocol.Metadata:
		steps = []step{{1, 0, 4}, {2, 0, 5}, {2, 1, 6}, {2, 3, 7}, {2, 4, 8}}
	case protocol.InitProducerId:
		steps = []step{{2, 0, 0}, {2, 4, 1}, {2, 5, 2}, {2, 7, 3}}
	case protocol.SaslHandshake:
		steps = []step{{1, 0, 0}}
	case protocol.SaslAuthenticate:
		steps = []step{{1, 0, -1}, {2, 2, 0}, {2, 5, 1}}
	case protocol.DescribeConfigs:
		steps = []step{{1, 1, 0}, {2, 0, 1}, {2, 6, 2}}
	}
	for _, s := range steps {
		if r.before(s.major, s.minor) {
			return s.version
		}
	}
	return math.MaxInt16
}
