// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package shop

import (
	"net/http"
	"net/url"
)

// storefront is the service that visitors talk to.
type storefront struct {
	deps Dependencies
}

// Password is the one that every user of the shop has.
const Password = "correct horse battery staple"

// The name of the user is part of the path, because that is all of a request that can be read at the socket: the
// body is not looked at.
func (s storefront) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /products/{id}", s.product)
	mux.HandleFunc("POST /login/{user}", login)
	mux.HandleFunc("POST /checkout/{user}", s.checkout)
	return mux
}

func (s storefront) home(w http.ResponseWriter, r *http.Request) {
	s.pass(w, r, Catalog, http.MethodGet, "/products", "")
}

func (s storefront) product(w http.ResponseWriter, r *http.Request) {
	id := url.PathEscape(r.PathValue("id"))
	// A product can be shown without recommendations, so how that ends does not matter here.
	_, _ = s.call(r, Recommendations, http.MethodGet, "/similar/"+id, "")
	s.pass(w, r, Catalog, http.MethodGet, "/products/"+id, "")
}

func (s storefront) checkout(w http.ResponseWriter, r *http.Request) {
	card := url.Values{"card": {r.PostFormValue("card")}}
	s.pass(w, r, Payment, http.MethodPost, "/payments", card.Encode())
}

func login(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("password") != Password {
		http.Error(w, "wrong user or password", http.StatusUnauthorized)
		return
	}
	text("welcome\n")(w, r)
}

// pass answers with the status of a dependency.
func (s storefront) pass(w http.ResponseWriter, r *http.Request, service, method, path, form string) {
	status, err := s.call(r, service, method, path, form)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(status)
	text(http.StatusText(status)+"\n")(w, r)
}

func (s storefront) call(r *http.Request, service, method, path, form string) (int, error) {
	return s.deps.Client.Do(r.Context(), method, "http://"+s.deps.Addr[service]+path, form)
}
