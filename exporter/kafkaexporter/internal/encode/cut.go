// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"encoding/binary"
	"math/bits"
)

// Piece is a part of a value that was cut, a value itself.
type Piece struct {
	Value []byte
	// Items is the number of spans, data points or log records in it.
	Items int
}

// level is the numbers of the fields that hold the parts of a message.
type level []int

// The messages from a request down to its smallest items. A metric's data points are in one of several messages.
var (
	levelsOfItems   = []level{{fieldResource}, {fieldScope}, {fieldItem}}
	levelsOfMetrics = []level{{fieldResource}, {fieldScope}, {fieldItem}, {5, 7, 9, 10, 11}, {1}}
	levelsOfSpans   = []level{{1}} // of zipkin.proto3.ListOfSpans
)

// CutItems cuts traces or logs in otlp_proto by resource, then scope, then item, into pieces of at most most bytes. Parts
// stay together where they can, and nothing is repeated but the resources and scopes around the items. tooLarge are the
// items that are larger alone, each in its resource and scope.
func CutItems(value []byte, most int) (fit, tooLarge []Piece, err error) {
	return cut(value, levelsOfItems, most)
}

// CutMetrics is CutItems for metrics, which it cuts by data point in the end.
func CutMetrics(value []byte, most int) (fit, tooLarge []Piece, err error) {
	return cut(value, levelsOfMetrics, most)
}

// CutSpans is CutItems for zipkin_proto.
func CutSpans(value []byte, most int) (fit, tooLarge []Piece, err error) {
	return cut(value, levelsOfSpans, most)
}

func cut(value []byte, levels []level, most int) (fit, tooLarge []Piece, err error) {
	c := &cutter{levels: levels, most: most, open: make([]frame, 1, len(levels)+1)}
	if err := c.descend(0, value); err != nil {
		return nil, nil, err
	}
	c.flush()
	return c.fit, c.tooLarge, nil
}

// cutter fills one piece after the other. open are the messages around the next part, the outermost first.
type cutter struct {
	levels        []level
	most          int
	open          []frame
	items         int // in open
	fit, tooLarge []Piece
}

// frame is a message that is being filled.
type frame struct {
	number     int // of its field in the message around it
	head, tail []byte
	parts      [][]byte // whole fields
	size       int      // of parts
}

// descend adds the parts of a message, whose frame is the innermost one, one by one.
func (c *cutter) descend(depth int, message []byte) error {
	around, number, err := c.surroundings(depth, message)
	if err != nil {
		return err
	}
	inner := &c.open[len(c.open)-1]
	inner.head, inner.tail = around.head, around.tail
	_, err = each(message, number, func(content, whole []byte) error { return c.add(depth, number, content, whole) })
	return err
}

// surroundings finds which of the level's fields a message has, and what is around its parts.
func (c *cutter) surroundings(depth int, message []byte) (around container, number int, err error) {
	for _, number = range c.levels[depth] {
		around, err = each(message, number, func([]byte, []byte) error { return nil })
		if err != nil || around.parts > 0 {
			return around, number, err
		}
	}
	return around, number, nil
}

// add puts a part into the present piece, or begins a new one, or cuts the part.
func (c *cutter) add(depth, number int, content, whole []byte) error {
	if c.sizeWith(len(whole)) <= c.most {
		return c.put(depth, whole, content)
	}
	if c.sizeAlone(len(whole)) <= c.most {
		c.flush()
		return c.put(depth, whole, content)
	}
	if depth+1 < len(c.levels) {
		around, _, err := c.surroundings(depth+1, content)
		if err != nil {
			return err
		}
		if around.parts > 0 {
			c.open = append(c.open, frame{number: number})
			if err := c.descend(depth+1, content); err != nil {
				return err
			}
			c.close()
			return nil
		}
	}
	c.flush()
	if err := c.put(depth, whole, content); err != nil {
		return err
	}
	c.tooLarge = append(c.tooLarge, c.take())
	return nil
}

func (c *cutter) put(depth int, whole, content []byte) error {
	items, err := c.count(depth+1, content)
	if err != nil {
		return err
	}
	inner := &c.open[len(c.open)-1]
	inner.parts = append(inner.parts, whole)
	inner.size += len(whole)
	c.items += items
	return nil
}

// count returns the number of items in a message.
func (c *cutter) count(depth int, message []byte) (int, error) {
	if depth == len(c.levels) {
		return 1, nil
	}
	total := 0
	_, number, err := c.surroundings(depth, message)
	if err != nil {
		return 0, err
	}
	_, err = each(message, number, func(content, _ []byte) error {
		n, err := c.count(depth+1, content)
		total += n
		return err
	})
	return total, err
}

// sizeWith returns the size of the present piece with another part of that size, sizeAlone that of a piece with nothing
// but the part.
func (c *cutter) sizeWith(part int) int { return c.measure(part, true) }

func (c *cutter) sizeAlone(part int) int { return c.measure(part, false) }

func (c *cutter) measure(part int, others bool) int {
	size := part
	for i := len(c.open) - 1; i >= 0; i-- {
		f := &c.open[i]
		size += len(f.head) + len(f.tail)
		if others {
			size += f.size
		}
		if i > 0 {
			size = fieldSize(size)
		}
	}
	return size
}

// fieldSize returns the size of a field whose content has that length. All field numbers here are below 16.
func fieldSize(length int) int { return 1 + (bits.Len64(uint64(length)|1)+6)/7 + length }

// flush ends the present piece, if anything is in it.
func (c *cutter) flush() {
	if c.items > 0 || c.filled() {
		c.fit = append(c.fit, c.take())
	}
}

func (c *cutter) filled() bool {
	for i := range c.open {
		if len(c.open[i].parts) > 0 {
			return true
		}
	}
	return false
}

// take returns what is in the open messages and empties them; they stay open for the next piece.
func (c *cutter) take() Piece {
	var inner []byte
	for i := len(c.open) - 1; i >= 0; i-- {
		f := &c.open[i]
		if len(f.parts) > 0 || len(inner) > 0 || i == 0 {
			inner = f.encode(inner, i > 0)
		}
		f.parts, f.size = nil, 0
	}
	piece := Piece{Value: inner, Items: c.items}
	c.items = 0
	return piece
}

// close makes a part of the innermost message for the one around it.
func (c *cutter) close() {
	last := len(c.open) - 1
	f := c.open[last]
	c.open = c.open[:last]
	if len(f.parts) == 0 {
		return
	}
	whole := f.encode(nil, true)
	outer := &c.open[last-1]
	outer.parts = append(outer.parts, whole)
	outer.size += len(whole)
}

// encode returns the message with inner, a whole field, as its last part; wrapped as a field of the message around it.
func (f *frame) encode(inner []byte, wrap bool) []byte {
	length := len(f.head) + f.size + len(inner) + len(f.tail)
	b := make([]byte, 0, fieldSize(length))
	if wrap {
		b = append(b, byte(f.number<<3|wireBytes))
		b = binary.AppendUvarint(b, uint64(length))
	}
	b = append(b, f.head...)
	for _, part := range f.parts {
		b = append(b, part...)
	}
	b = append(b, inner...)
	return append(b, f.tail...)
}
