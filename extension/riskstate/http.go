// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/question"
)

// scorePath is where questions are asked.
const scorePath = "/v1/score"

// httpAPI answers POST /v1/score. It may be used by many goroutines at once.
type httpAPI struct {
	*asker
	calls sync.Pool
}

// call is the memory of one question, used again for another one.
type call struct {
	body    bytes.Buffer
	decoder *question.Decoder
	answer  ScoreAnswer
	out     []byte
}

func newHTTPAPI(a *asker, limits question.Limits) http.Handler {
	api := &httpAPI{asker: a}
	api.calls.New = func() any { return &call{decoder: question.NewDecoder(limits)} }
	mux := http.NewServeMux()
	mux.Handle("POST "+scorePath, api)
	return mux
}

// maxKeptBytes is the largest memory of a call that is used again.
const maxKeptBytes = 64 << 10

func (h *httpAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := h.calls.Get().(*call)
	defer func() {
		if c.body.Cap() <= maxKeptBytes {
			h.calls.Put(c)
		}
	}()
	c.body.Reset()
	if n := r.ContentLength; n > 0 && n <= maxKeptBytes {
		c.body.Grow(int(n) + bytes.MinRead) // so that the end is seen without growing
	}
	_, err := c.body.ReadFrom(r.Body)
	start := time.Now()
	if err != nil {
		h.refuse(w, r, start, err)
		return
	}
	if err := jsonOrUnknown(r.Header); err != nil {
		h.fail(w, r, start, http.StatusUnsupportedMediaType, invalid, err)
		return
	}
	if err := c.decoder.Decode(c.body.Bytes()); err != nil {
		h.fail(w, r, start, http.StatusBadRequest, invalid, err)
		return
	}
	result, err := h.ask(r.Context(), c.decoder.Scorer, &c.decoder.Request, &c.answer)
	if err != nil {
		status := [outcomes]int{invalid: http.StatusBadRequest, unavailable: http.StatusServiceUnavailable, failed: http.StatusInternalServerError}
		h.fail(w, r, start, status[result], result, err)
		return
	}
	c.out = question.AppendAnswer(c.out[:0], &c.answer)
	h.done(r.Context(), start, answered)
	write(w, http.StatusOK, c.out)
}

// refuse answers a body that could not be read.
func (h *httpAPI) refuse(w http.ResponseWriter, r *http.Request, start time.Time, err error) {
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		h.fail(w, r, start, http.StatusRequestEntityTooLarge, tooLarge, &question.Error{
			Offset: size.Limit, Fault: "the body has more than " + strconv.FormatInt(size.Limit, 10) + " bytes",
		})
		return
	}
	fault := "the body cannot be read"
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		fault += ": " + err.Error() // of a compressed one
	}
	h.fail(w, r, start, http.StatusBadRequest, invalid, &question.Error{Fault: fault})
}

func (h *httpAPI) fail(w http.ResponseWriter, r *http.Request, start time.Time, status int, o outcome, err error) {
	h.done(r.Context(), start, o)
	var e *question.Error
	if !errors.As(err, &e) {
		e = &question.Error{Fault: err.Error()}
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	write(w, status, question.AppendError(nil, e))
}

// jsonType is set without being made again for every answer.
var jsonType = []string{"application/json"}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone does not wait for the answer
}

// jsonOrUnknown refuses what says that it is something else: a form of another site could otherwise ask.
func jsonOrUnknown(header http.Header) error {
	given := header.Get("Content-Type")
	if given == "" || given == jsonType[0] {
		return nil
	}
	if media, _, err := mime.ParseMediaType(given); err == nil && media == jsonType[0] {
		return nil
	}
	return &question.Error{Fault: "the body must be application/json, found " + strconv.Quote(given)}
}
