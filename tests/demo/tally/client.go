// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Client sends requests, reads each answer to its end, and counts. It may be used by several goroutines.
type Client struct {
	// HTTP sends the requests. Its transport must not retry by itself, or there would be exchanges that nobody counts;
	// net/http retries only on connections that the other end closed, which the demo's programs never do while it runs.
	HTTP *http.Client
	// Counter counts them.
	Counter *Counter
	// UserAgent is sent with every request; empty sends that of net/http.
	UserAgent string
}

// Do sends one request, with an encoded form for its body unless that is empty, and returns the status code of its answer. The request is not cut short when ctx ends: an
// exchange that was begun has to end the same way for both ends. Values of ctx are passed on.
func (c *Client) Do(ctx context.Context, method, url, body string) (int, error) {
	status, err := c.do(context.WithoutCancel(ctx), method, url, body)
	c.Counter.Sent(err)
	return status, err
}

func (c *Client) do(ctx context.Context, method, url, body string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("send request: %w", err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.UserAgent != "" {
		request.Header.Set("User-Agent", c.UserAgent)
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return 0, fmt.Errorf("send request: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // closing a body that was read tells nothing
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, fmt.Errorf("read answer of %s %s: %w", method, url, err)
	}
	return response.StatusCode, nil
}
