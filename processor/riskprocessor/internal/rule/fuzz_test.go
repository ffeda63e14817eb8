// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDirect holds closures against OTTL: whatever text OTTL accepts and the closures accept, too, must mean the same on
// a span with the given attribute, in each of the types that it can have.
func FuzzDirect(f *testing.F) {
	for text := range directConditions {
		f.Add(text, "int", "401", int64(401), 2.5)
	}
	f.Add(`attributes["a"] == 010`, "a", "", int64(8), 8.0)
	f.Add(`attributes["a"] > 9007199254740993`, "a", "", int64(9007199254740993), 9007199254740992.0)
	f.Add(`attributes["a"] == nil`, "a", "", int64(0), 0.0)
	f.Add(`not not (name == "a")`, "a", "a", int64(0), 0.0)
	f.Add(`name == "a\x41\u00e4" or kind ==2and kind!= 3`, "a", "aAä", int64(0), 0.0)
	f.Add(`IsMatch(attributes["a"], "")`, "a", "", int64(0), 0.0)
	f.Fuzz(func(t *testing.T, text, key, value string, integer int64, double float64) {
		g := newRig(t)
		c, err := g.Compile(text)
		if err != nil {
			require.Nil(t, c)
			return
		}
		if !c.Direct() {
			return
		}
		attrs := g.span.Attributes()
		g.span.SetName(value)
		for _, put := range []func(){
			func() {},
			func() { attrs.PutStr(key, value) },
			func() { attrs.PutInt(key, integer); g.values[0] = number(double) },
			func() { attrs.PutDouble(key, double); attrs.CopyTo(g.rs.Resource().Attributes()) },
			func() { attrs.PutBool(key, integer > 0); g.values[0] = number(float64(integer)) },
			func() { attrs.PutEmpty(key) },
			func() { attrs.PutEmptySlice(key).AppendEmpty().SetStr(value) },
			func() { attrs.PutEmptyBytes(key).FromRaw([]byte(value)) },
			func() { attrs.PutEmptyMap(key).PutInt(value, integer) },
		} {
			put()
			ctx := g.context(t)
			got, err := c.Eval(ctx)
			require.NoError(t, err)
			want, err := c.general(ctx)
			require.NoError(t, err)
			require.Equal(t, want, got, "%q on %v", text, attrs.AsRaw())
		}
	})
}
