// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"runtime"
	"syscall"
	"unsafe"
)

const (
	// hugePage is the size of a large page on the processors that have them in this size.
	hugePage = 2 << 20
	// worthMapping is the size from which a table gets pages of its own.
	worthMapping = 1 << 20
)

// allocate returns n zeroed values without pointers, which live as long as owner. Large tables are mapped apart from the
// heap, with large pages where the system grants them: keys are spread evenly, so with pages of 4 KiB nearly every look at
// a table misses the processor's cache of addresses, which costs more than all the rest of it.
func allocate[V, O any](n int, owner *O) []V {
	var v V
	size := n * int(unsafe.Sizeof(v))
	if size < worthMapping {
		return make([]V, n)
	}
	mapped, err := syscall.Mmap(-1, 0, size+hugePage, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]V, n) // the heap may still have room, and reports it if not
	}
	aligned := (hugePage - uintptr(unsafe.Pointer(&mapped[0]))%hugePage) % hugePage
	_ = syscall.Madvise(mapped[aligned:], syscall.MADV_HUGEPAGE) // advice: the table works with small pages, too
	runtime.AddCleanup(owner, func(mapped []byte) {
		_ = syscall.Munmap(mapped) // fails only for what is not mapped
	}, mapped)
	return unsafe.Slice((*V)(unsafe.Pointer(&mapped[aligned])), n)
}
