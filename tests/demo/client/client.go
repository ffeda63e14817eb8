// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package client is the demo's crowd: visitors of the shop who behave well, and from time to time one who does not.
// Everybody comes from an address of their own, 127.0.0.x, and has a device of their own, told by the user agent.
//
//	shoppers   all the time   home, products, now and then login and checkout; think in between
//	guesser    from 1/5 on    tries one common password on one user after the other
//	carder     from 3/5 on    tries stolen card numbers on one account, hiding behind two addresses
package client

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/shop"
	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
)

// Crowd is everybody who visits the shop.
type Crowd struct {
	// Storefront is the address, host:port, of the shop.
	Storefront string
	// Duration is how long the whole visit takes; attacks begin at fixed shares of it.
	Duration time.Duration
	// Counter counts every request.
	Counter *tally.Counter
	// Wrap lets the caller wrap the transport of every visitor. Nil means: as it is.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// Addresses of the visitors are 127.0.0.x with these x.
const (
	firstShopper = 11
	guesserHost  = 66
	carderHost   = 77
)

var shopperNames = [...]string{"alice", "bob", "carol", "dave", "erin", "frank"}

// Run lets everybody visit until ctx ends, and returns once the last answer is read.
func (c *Crowd) Run(ctx context.Context) {
	var visits sync.WaitGroup
	for i, name := range shopperNames {
		visits.Go(func() { c.shopper(ctx, i, name) })
	}
	visits.Go(func() { c.guesser(ctx) })
	visits.Go(func() { c.carder(ctx) })
	visits.Wait()
}

// visitor is one client with its own address, device and connections.
type visitor struct {
	*tally.Client
	base string
}

// visitor returns a visitor and what has to be called in the end.
func (c *Crowd) visitor(host byte, device string) (visitor, func()) {
	dialer := net.Dialer{}
	if canUse(host) {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, host)}
	}
	transport := &http.Transport{DialContext: dialer.DialContext}
	client := &tally.Client{HTTP: &http.Client{Transport: transport}, Counter: c.Counter, UserAgent: device}
	if c.Wrap != nil {
		client.HTTP.Transport = c.Wrap(transport)
	}
	return visitor{client, "http://" + c.Storefront}, transport.CloseIdleConnections
}

// canUse says whether this host has the address 127.0.0.x: Linux has the whole network, others only what was set up.
func canUse(host byte) bool {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, host)})
	return err == nil && listener.Close() == nil
}

// get and post make one request. How it ends is counted and seen in the spans; no visitor minds.
func (v visitor) get(ctx context.Context, path string) {
	_, _ = v.Do(ctx, http.MethodGet, v.base+path, "")
}

func (v visitor) post(ctx context.Context, path string, form url.Values) {
	_, _ = v.Do(ctx, http.MethodPost, v.base+path, form.Encode())
}

func (c *Crowd) shopper(ctx context.Context, i int, name string) {
	v, leave := c.visitor(byte(firstShopper+i), "ShopApp/3.1 (phone of "+name+")")
	defer leave()
	think := func() bool { return wait(ctx, 200*time.Millisecond+rand.N(600*time.Millisecond)) }
	for think() {
		v.get(ctx, "/")
		for range rand.N(4) {
			if !think() {
				return
			}
			v.get(ctx, "/products/"+strconv.Itoa(1+rand.N(40)))
		}
		if rand.N(2) == 0 || !think() {
			continue
		}
		if rand.N(8) == 0 { // everybody mistypes a password at times
			v.post(ctx, "/login/"+name, url.Values{"password": {"correct horse"}})
		}
		v.post(ctx, "/login/"+name, url.Values{"password": {shop.Password}})
		if think() {
			v.post(ctx, "/checkout/"+name, url.Values{"card": {"4242424242424242"}})
		}
	}
}

func (c *Crowd) guesser(ctx context.Context) {
	v, leave := c.visitor(guesserHost, "python-requests/2.32.3")
	defer leave()
	if !wait(ctx, c.Duration/5) {
		return
	}
	for range 36 {
		if !wait(ctx, 120*time.Millisecond) {
			return
		}
		user := "user" + strconv.Itoa(100+rand.N(900))
		v.post(ctx, "/login/"+user, url.Values{"password": {"123456"}})
	}
}

func (c *Crowd) carder(ctx context.Context) {
	const device = "ShopApp/2.0 (emulator-5554)"
	one, leaveOne := c.visitor(carderHost, device)
	defer leaveOne()
	two, leaveTwo := c.visitor(carderHost+1, device)
	defer leaveTwo()
	if !wait(ctx, c.Duration*3/5) {
		return
	}
	for i := range 30 {
		if !wait(ctx, 150*time.Millisecond) {
			return
		}
		v := one
		if i%2 == 1 {
			v = two
		}
		card := strconv.Itoa(400000000000 + rand.N(99999999999)) // one in ten has the right check digit
		v.post(ctx, "/checkout/eve", url.Values{"card": {card}})
	}
}

// wait says whether ctx is still there after d.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
