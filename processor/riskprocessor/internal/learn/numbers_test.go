// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestLnIsALogarithm(t *testing.T) {
	for x := float32(1e-30); x < 1e30; x *= 1.37 {
		if got, want := float64(ln(x)), math.Log(float64(x)); math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
			t.Fatalf("ln(%v) = %v, want %v", x, got, want)
		}
	}
}

// The probability of being longer is the rank among what was learned; in the fitted tail it is on the safe side.
func TestTailRanks(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var d tail
	values := make([]int64, 10000)
	for i := range values {
		values[i] = int64(5e6 * math.Exp(0.6*r.NormFloat64()))
		d.add(values[i])
	}
	slices.Sort(values)
	for _, q := range []float64{0.05, 0.3, 0.5, 0.9, 0.96, 0.99, 0.999} {
		longer, shorter := d.around(values[int(q*float64(len(values)))])
		if got := math.Exp(float64(longer)); got < (1-q)*0.7 || got > (1-q)*1.3+0.003 {
			t.Errorf("longer than quantile %v: %.5f", q, got)
		}
		if sum := math.Exp(float64(longer)) + math.Exp(float64(shorter)); math.Abs(sum-1) > 1e-4 {
			t.Errorf("both sides of quantile %v sum up to %v", q, sum)
		}
	}
}

// Beyond everything seen the tails go on falling: ten times the longest is less probable than twice the longest.
func TestTailGoesOn(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var d tail
	for range 5000 {
		d.add(int64(1e6 * math.Exp(0.3*r.NormFloat64())))
	}
	last := float32(0)
	for ns := int64(1e6); ns < 1e12; ns = ns * 5 / 4 {
		longer, _ := d.around(ns)
		if longer > last {
			t.Fatalf("%d ns is more probable than less", ns)
		}
		last = longer
	}
	if last > -20 {
		t.Errorf("a million times the usual duration has ln p = %v", last)
	}
	for _, odd := range []int64{math.MinInt64, -1, 0, 1, 255, 256, math.MaxInt64} {
		longer, shorter := d.around(odd)
		if !(longer <= 0 && shorter <= 0) {
			t.Errorf("%d ns: ln p = %v and %v", odd, longer, shorter)
		}
		d.add(odd)
	}
}

func TestTailForgets(t *testing.T) {
	var d tail
	for range 30000 {
		d.add(1e6)
	}
	for range 60000 {
		d.add(1e8)
	}
	if longer, _ := d.around(9e7); longer < -0.7 {
		t.Errorf("after 60000 calls of 100 ms, 90 ms still has ln p = %v", longer)
	}
	if d.total > tailHalving {
		t.Errorf("it remembers %v spans", d.total)
	}
}

func TestOutcomesRankByRarity(t *testing.T) {
	var o outcomes
	for i := range 10000 {
		switch {
		case i%100 == 0:
			o.add(3)
		case i%10 == 0:
			o.add(2)
		default:
			o.add(1)
		}
	}
	usual, rare, never := o.surprise(1), o.surprise(3), o.surprise(99)
	if !(usual < o.surprise(2) && o.surprise(2) < rare && rare < never) {
		t.Errorf("surprises do not rise: %v, %v, %v, %v", usual, o.surprise(2), rare, never)
	}
	if got := math.Exp(-float64(rare)); math.Abs(got-0.005) > 0.001 {
		t.Errorf("half of 1 %% is expected, found %v", got)
	}
	if never < 9 {
		t.Errorf("one that never was among 10000 has only -ln p = %v", never)
	}
}

// Where every outcome is new, one more new one is no surprise.
func TestOutcomesThatNeverRepeat(t *testing.T) {
	var o outcomes
	for i := range uint32(20000) {
		o.add(i + 1)
	}
	if got := o.surprise(1 << 30); got > 0.8 {
		t.Errorf("-ln p = %v", got)
	}
}

// A flood of outcomes that occur once does not displace those that are usual.
func TestOutcomesKeepWhatIsUsual(t *testing.T) {
	var o outcomes
	for i := range uint32(10000) {
		o.add(7)
		o.add(1000 + i)
	}
	if got := o.surprise(7); got > 0.8 {
		t.Errorf("what happens every second time has -ln p = %v", got)
	}
}

func TestChildrenThatAreMissingOrNew(t *testing.T) {
	var c children
	for i := range 1000 {
		if i%2 == 0 {
			c.add([]uint32{1, 2})
		} else {
			c.add([]uint32{1, 2, 3})
		}
	}
	if got := c.surprise([]uint32{1, 2}); got > 1 {
		t.Errorf("usual: %v", got)
	}
	if got := c.surprise([]uint32{2, 3}); got < 5 {
		t.Errorf("the first one is missing: %v", got)
	}
	if got := c.surprise([]uint32{1, 2, 9}); got < 5 {
		t.Errorf("one that never was: %v", got)
	}
}

// An e-value's mean is at most 1 when p is uniform: that is what makes products and means of them honest.
func TestKappaCalibrates(t *testing.T) {
	const n = 100_000
	sum := 0.0
	for i := range n {
		sum += kappa * math.Pow((float64(i)+0.5)/n, kappa-1)
	}
	if mean := sum / n; mean > 1 || mean < 0.95 {
		t.Errorf("the mean is %v", mean)
	}
}

func TestSidakIsTheProbabilityOfTheOddest(t *testing.T) {
	for _, n := range []int{1, 2, 10, 500} {
		last := -1.0
		for e := 0.0; e < 40; e += 0.25 {
			got := sidak(e, n)
			if want := -math.Log(-math.Expm1(float64(n) * math.Log1p(-math.Exp(-e)))); e > 0 && math.Abs(got-max(want, 0)) > 0.03 {
				t.Fatalf("sidak(%v, %d) = %v, want %v", e, n, got, want)
			}
			if got < last || got > e+1e-9 {
				t.Fatalf("sidak(%v, %d) = %v, after %v", e, n, got, last)
			}
			last = got
		}
	}
}

func TestLnTailIsThatOfTheNormalDistribution(t *testing.T) {
	for z := 0.01; z < 7; z += 0.1 {
		if want := -math.Log(math.Erfc(z / math.Sqrt2)); math.Abs(lnTail(z)-want) > 0.06 {
			t.Errorf("lnTail(%v) = %v, want %v", z, lnTail(z), want)
		}
	}
}
