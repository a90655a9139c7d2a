// SPDX-License-Identifier: GPL-2.0-only

// A slice that grows: growing_go ROUNDS. Each append that made it grow at length is printed.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

const (
	bytes = 256 << 20
	piece = 4 << 10
	long  = 20 * time.Millisecond
)

type journal struct{ data []byte }

//go:noinline
func (j *journal) add(piece []byte) { j.data = append(j.data, piece...) }

func nowNs() int64 {
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

func fill(j *journal) {
	text := make([]byte, piece)
	for len(j.data) < bytes {
		room, startNs := cap(j.data), nowNs()
		j.add(text)
		if took := nowNs() - startNs; cap(j.data) != room && took >= int64(long) {
			fmt.Printf("{\"start_ns\":%d,\"duration_ns\":%d}\n", startNs, took)
		}
	}
}

func main() {
	rounds, _ := strconv.Atoi(os.Args[1])
	for ; rounds > 0; rounds-- {
		fill(&journal{})
	}
}
