// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package pattern

// trie is a tree of paths, as a table with one row a node. Row 0 is the root, which no edge leads to.
type trie struct {
	width uint32
	edges []uint32 // by the offset of a node's row, plus column: the offset of the child's row, 0 for none
	found []bool   // by node: a path ends here
}

func newTrie(width uint32) *trie {
	return &trie{width: width, edges: make([]uint32, width), found: make([]bool, 1)}
}

// add adds a path of columns.
func (t *trie) add(path []uint32) {
	row := uint32(0)
	for _, column := range path {
		child := t.edges[row+column]
		if child == 0 {
			child = uint32(len(t.edges))
			t.edges[row+column] = child
			t.edges = append(t.edges, make([]uint32, t.width)...)
			t.found = append(t.found, false)
		}
		row = child
	}
	t.found[row/t.width] = true
}

// automaton turns the tree into a table of transitions, which is the tree's own memory. Where a node has no edge, it goes
// where its fallback, the node of the longest end of its path that is in the tree, too, would go.
func (t *trie) automaton() []uint32 {
	fallback := make([]uint32, len(t.found)) // by node, offset of a row
	queue := []uint32{0}                     // by depth, so that fallbacks, which are higher up, are complete
	for len(queue) > 0 {
		row := queue[0]
		queue = queue[1:]
		back := fallback[row/t.width]
		t.found[row/t.width] = t.found[row/t.width] || t.found[back/t.width]
		for column := range t.width {
			child := t.edges[row+column]
			behind := uint32(0)
			if row != 0 {
				behind = t.edges[back+column]
			}
			if child == 0 {
				t.edges[row+column] = behind
				continue
			}
			fallback[child/t.width] = behind
			queue = append(queue, child)
		}
	}
	for i, row := range t.edges {
		if t.found[row/t.width] {
			t.edges[i] |= final
		}
	}
	return t.edges
}
