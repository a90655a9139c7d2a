// SPDX-License-Identifier: GPL-2.0-only

// Copies of given sizes in Go, apart and overlapping either way: gosizes [-wait] [-workers N]
// [-rounds N] SIZE... Each goroutine does all of it within one call of copyAll and checks what was
// copied. The truth goes to stdout as JSON Lines: what each copied, between which addresses.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"unsafe"
)

const margin = 8192

type worker struct {
	random uint64
	arena  []byte
	copies map[int]int
	wrong  int
}

func (w *worker) next(below int) int {
	w.random ^= w.random << 13
	w.random ^= w.random >> 7
	w.random ^= w.random << 17
	return int(w.random % uint64(below))
}

// Looks at the last byte and at the one behind.
func (w *worker) copyOne(to, from, size int) {
	last := byte(w.next(256))
	if size > 0 {
		w.arena[from+size-1] = last
	}
	behind := w.arena[to+size]
	copy(w.arena[to:to+size], w.arena[from:from+size])
	if w.arena[to+size] != behind || size > 0 && w.arena[to+size-1] != last {
		w.wrong++
	}
	w.copies[size]++
}

//go:noinline
func copyAll(w *worker, rounds int, sizes []int, largest int) {
	for round := 0; round < rounds; round++ {
		for _, size := range sizes {
			low, high := 64+w.next(4096), largest+margin+w.next(4096)
			distance := 1 + w.next(64)
			w.copyOne(low, high, size)
			w.copyOne(high, low, size)
			w.copyOne(low+distance, low, size)
			w.copyOne(low, low+distance, size)
		}
	}
}

func wait() {
	signals := make(chan os.Signal, 1)

	signal.Notify(signals, syscall.SIGUSR1)
	fmt.Fprintln(os.Stderr, "waiting for SIGUSR1")
	<-signals
}

func prepare(number int, sizes []int, largest int) *worker {
	w := &worker{random: 0x9e3779b97f4a7c15 * uint64(number+1), copies: map[int]int{}}
	w.arena = make([]byte, 2*largest+4*margin)
	for i := range w.arena {
		w.arena[i] = byte(number + i)
	}
	for _, size := range sizes {
		w.copies[size] = 0
	}
	return w
}

func (w *worker) tell() {
	start := uintptr(unsafe.Pointer(&w.arena[0]))
	fmt.Printf(`{"arena": [%d, %d], "copies": {`, start, start+uintptr(len(w.arena)))
	separator := ""
	for size, copies := range w.copies {
		fmt.Printf(`%s"%d": %d`, separator, size, copies)
		separator = ", "
	}
	fmt.Printf(`}, "wrong": %d}`+"\n", w.wrong)
}

func main() {
	count := flag.Int("workers", 2, "goroutines that copy")
	rounds := flag.Int("rounds", 3, "how often each copies all sizes")
	waits := flag.Bool("wait", false, "start at SIGUSR1")
	flag.Parse()

	var sizes []int
	var largest, wrong int
	for _, text := range flag.Args() {
		size, err := strconv.Atoi(text)
		if err != nil {
			panic(err)
		}
		sizes = append(sizes, size)
		if size > largest {
			largest = size
		}
	}
	workers := make([]*worker, *count)
	for i := range workers {
		workers[i] = prepare(i, sizes, largest)
	}
	if *waits {
		wait()
	}
	var group sync.WaitGroup
	for _, w := range workers {
		group.Add(1)
		go func(w *worker) {
			copyAll(w, *rounds, sizes, largest)
			group.Done()
		}(w)
	}
	group.Wait()
	for _, w := range workers {
		w.tell()
		wrong += w.wrong
	}
	if wrong > 0 {
		os.Exit(1)
	}
}
