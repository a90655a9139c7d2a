// SPDX-License-Identifier: GPL-2.0-only

// Go and C in one program: a flush in Go that copies, and calls a flush in C that copies, too.
package main

/*
#include <string.h>

static char from[4096], to[4096];

__attribute__((noinline)) void c_flush(int copies, volatile size_t *bytes)
{
	for (int i = 0; i < copies; i++)
		memmove(to, from, *bytes);
}
*/
import "C"

import "fmt"

const (
	calls    = 50
	goCopies = 30
	goBytes  = 100
	cCopies  = 20
	cBytes   = 300
)

var from, to [4096]byte

//go:noinline
func goFlush(bytes int, cSize *C.size_t) {
	for i := 0; i < goCopies; i++ {
		copy(to[:bytes], from[i:])
	}
	C.c_flush(cCopies, cSize)
}

func main() {
	size := C.size_t(cBytes)

	for i := 0; i < calls; i++ {
		goFlush(goBytes, &size)
	}
	fmt.Printf(`{"calls": %d, "go": [%d, %d], "c": [%d, %d]}`+"\n", calls, goCopies,
		goCopies*goBytes, cCopies, cCopies*cBytes)
}
