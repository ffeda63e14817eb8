// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package shop

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const goodCard = "4242424242424242"

// open starts the whole shop and returns the storefront's URL and a client.
func open(t *testing.T) (string, *tally.Client) {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client := &tally.Client{HTTP: &http.Client{Transport: transport}, Counter: &tally.Counter{}}
	deps := Dependencies{Client: client, Addr: map[string]string{}}
	for _, service := range Services() {
		handler, err := Handler(service, deps)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		deps.Addr[service] = server.Listener.Addr().String()
	}
	return "http://" + deps.Addr[Storefront], client
}

func TestStorefrontAnswersAsItsVisitorsDeserve(t *testing.T) {
	base, client := open(t)
	for _, test := range []struct {
		name, method, path, form string
		want                     int
	}{
		{"home", "GET", "/", "", 200},
		{"product", "GET", "/products/7", "", 200},
		{"unknown page", "GET", "/admin.php", "", 404},
		{"right password", "POST", "/login/alice", "password=correct+horse+battery+staple", 200},
		{"wrong password", "POST", "/login/alice", "password=123456", 401},
		{"good card", "POST", "/checkout/alice", "card=" + goodCard, 200},
		{"bad card", "POST", "/checkout/alice", "card=4242424242424241", 402},
	} {
		status, err := client.Do(t.Context(), test.method, base+test.path, test.form)
		if err != nil || status != test.want {
			t.Errorf("%s: status %d, error %v, want %d", test.name, status, err, test.want)
		}
	}
}

func TestStorefrontAnswersBadGatewayWithoutItsDependency(t *testing.T) {
	client := &tally.Client{HTTP: &http.Client{}, Counter: &tally.Counter{}}
	handler, err := Handler(Storefront, Dependencies{Client: client, Addr: map[string]string{Catalog: "127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	if recorder.Code != http.StatusBadGateway {
		t.Errorf("status is %d", recorder.Code)
	}
}

func TestRecommendationsFailInABadTimeOnly(t *testing.T) {
	now := time.Unix(0, 0)
	handler := recommendations(newTrouble(func() time.Time { return now }))
	status := func() int {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/similar/7", http.NoBody))
		return recorder.Code
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 200}, {quiet - 1, 200}, {1, 503}, {bad - 1, 503}, {1, 200}} {
		now = now.Add(step.after)
		if got := status(); got != step.want {
			t.Errorf("after %v: status %d, want %d", now.Sub(time.Unix(0, 0)), got, step.want)
		}
	}
}

func TestPaymentIsSlowInABadTime(t *testing.T) {
	now := time.Unix(0, 0)
	handler := payment(newTrouble(func() time.Time { return now }))
	now = now.Add(quiet)
	request := httptest.NewRequest(http.MethodPost, "/payments", strings.NewReader("card="+goodCard))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	began := time.Now()
	handler.ServeHTTP(recorder, request)
	if took := time.Since(began); recorder.Code != http.StatusOK || took < 600*time.Millisecond {
		t.Errorf("status %d after %v", recorder.Code, took)
	}
}

func TestUnknownServiceIsAnError(t *testing.T) {
	if _, err := Handler("warehouse", Dependencies{}); err == nil {
		t.Error("no error")
	}
}

func TestCardNumbersNeedTheirCheckDigit(t *testing.T) {
	for number, want := range map[string]bool{
		goodCard: true, "5555555555554444": true, "378282246310005": true,
		"4242424242424241": false, "": false, "0": false, "4242-4242-4242-4242": false,
		"00000000000000000000": false, "42424242424242x2": false,
	} {
		if got := validCard(number); got != want {
			t.Errorf("%q: %v, want %v", number, got, want)
		}
	}
}

func FuzzValidCard(f *testing.F) {
	f.Add(goodCard)
	f.Add("4242 4242 4242 4242")
	f.Fuzz(func(t *testing.T, number string) {
		if !validCard(number) {
			return
		}
		if strings.Trim(number, "0123456789") != "" {
			t.Errorf("%q is valid", number)
		}
		// The check digit finds every single wrong digit.
		wrong := []byte(number)
		wrong[0] = '0' + (wrong[0]-'0'+1)%10
		if validCard(string(wrong)) {
			t.Errorf("%q and %q are both valid", number, wrong)
		}
	})
}
