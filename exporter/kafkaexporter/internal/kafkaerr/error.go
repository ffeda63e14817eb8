// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaerr

import (
	"errors"
	"fmt"
)

// Error is an error code that a broker answered, with the text it sent along, if any.
type Error struct {
	// Code is the protocol's error code.
	Code int16
	// Message is the broker's explanation; often empty.
	Message string
}

// Error names the code, its number and the broker's own words.
func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("broker answered %s (%d)", Name(e.Code), e.Code)
	}
	return fmt.Sprintf("broker answered %s (%d): %s", Name(e.Code), e.Code, e.Message)
}

// ClassOf returns the class of the broker error in err's chain, and Retry when there is none: what did not come from
// a broker came from the way to it, and that may work next time.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return Classify(e.Code)
	}
	return Retry
}
