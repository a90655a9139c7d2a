// SPDX-License-Identifier: GPL-2.0-only

// A buffer in Go that keeps references and copies them at a limit, on several goroutines that change
// threads and whose stacks grow within a flush. Writes down the truth: what it copied in each.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

type truth struct {
	worker, writes      int
	tidBefore, tidAfter int
	startNs, endNs      int64
	bytes, copies       uint64
}

// A Buf defers the copying of what is written to it until there are `limit` pieces.
type Buf struct {
	pieces        [][]byte
	limit         int
	data          []byte
	bytes, copies uint64
	ping, pong    chan struct{}
	depth         int
}

var moving bool

func (b *Buf) copied(n int) {
	b.bytes += uint64(n)
	b.copies++
}

// The stack grows on the way down: about 400 bytes for each step.
//
//go:noinline
func (b *Buf) deep(depth int, to, from []byte) byte {
	var frame [320]byte

	frame[depth%len(frame)] = byte(depth)
	if depth == 0 {
		b.copied(copy(to, from))
		return frame[0]
	}
	return b.deep(depth-1, to, from) + frame[depth%len(frame)]
}

// Lets others run: afterwards it may be on another thread. A send calls memmove, of 0 bytes, where
// the receiver takes the value; these take none.
func (b *Buf) yield(step int) {
	if step%3 == 0 {
		runtime.Gosched()
		return
	}
	b.ping <- struct{}{}
	<-b.pong
}

// Flush copies the pieces, and then a part of the result onto itself, both ways.
//
//go:noinline
func (b *Buf) Flush() {
	at := 0
	for i, piece := range b.pieces {
		n := copy(b.data[at:], piece)
		b.copied(n)
		at += n
		if moving && i%100 == 50 {
			b.yield(i / 100)
		}
	}
	if b.depth > 0 {
		b.deep(b.depth, b.data[at:], b.pieces[0])
	}
	for _, part := range []int{4096, 5003} {
		b.copied(copy(b.data[8:], b.data[:part]))
		b.copied(copy(b.data, b.data[3:part]))
	}
	b.pieces = b.pieces[:0]
}

//go:noinline
func (b *Buf) Write(piece []byte) bool {
	b.pieces = append(b.pieces, piece)
	if len(b.pieces) < b.limit {
		return false
	}
	b.Flush()
	return true
}

func nowNs() int64 {
	var now syscall.Timespec

	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

// Sizes from 0 to beyond what Go copies by rep movs or by AVX.
func sizeOf(number, chunk int) int {
	switch number % 50 {
	case 0:
		return 0
	case 1:
		return chunk * 8
	}
	return number*37%chunk + 1
}

func work(worker, flushes, limit, chunk, depth int, found []truth) uint64 {
	b := &Buf{limit: limit, depth: depth, ping: make(chan struct{}), pong: make(chan struct{})}
	source := make([]byte, chunk*8)
	hash := fnv.New64a()

	for i := range source {
		source[i] = byte(i*worker + i>>8)
	}
	b.pieces = make([][]byte, 0, limit)
	b.data = make([]byte, limit*chunk+limit/50*chunk*8+chunk*16+8192)
	go func() {
		for _, open := <-b.ping; open; _, open = <-b.ping {
			b.pong <- struct{}{}
		}
	}()
	for write := 1; write <= flushes*limit; write++ {
		one := truth{worker: worker, writes: write, bytes: b.bytes, copies: b.copies}
		one.tidBefore, one.startNs = syscall.Gettid(), nowNs()
		if b.Write(source[:sizeOf(write+worker, chunk)]) {
			one.endNs, one.tidAfter = nowNs(), syscall.Gettid()
			one.bytes, one.copies = b.bytes-one.bytes, b.copies-one.copies
			found[write/limit-1] = one
			hash.Write(b.data)
		}
	}
	close(b.ping)
	return hash.Sum64()
}

// Makes the collector run, which shrinks stacks, too.
func litter(done chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
			_ = make([]byte, 64<<10)
			runtime.Gosched()
		}
	}
}

func wait() {
	signals := make(chan os.Signal, 1)

	signal.Notify(signals, syscall.SIGUSR1)
	fmt.Fprintln(os.Stderr, "waiting for SIGUSR1")
	<-signals
}

func writeTruth(path string, all [][]truth) {
	file, err := os.Create(path)
	if err != nil {
		panic(err)
	}
	out := bufio.NewWriter(file)
	for _, found := range all {
		for _, t := range found {
			fmt.Fprintf(out, `{"worker": %d, "write_index": %d, "tid_before": %d, "tid": %d, `+
				`"start_ns": %d, "end_ns": %d, "bytes": %d, "copies": %d}`+"\n",
				t.worker, t.writes, t.tidBefore, t.tidAfter, t.startNs, t.endNs,
				t.bytes, t.copies)
		}
	}
	out.Flush()
	file.Close()
}

func main() {
	workers := flag.Int("workers", 6, "goroutines that write")
	flushes := flag.Int("flushes", 4, "flushes of each")
	limit := flag.Int("limit", 1000, "writes before a flush")
	chunk := flag.Int("chunk", 700, "bytes of a write, about")
	depth := flag.Int("depth", 0, "recursion inside a flush")
	profile := flag.Bool("profile", false, "run the CPU profiler")
	waits := flag.Bool("wait", false, "start at SIGUSR1")
	execAfter := flag.Duration("exec-after", 0, "then execute itself anew, once, within flushes")
	path := flag.String("truth", "", "file for the truth")
	flag.BoolVar(&moving, "moving", false, "block inside flushes")
	flag.Parse()

	debug.SetGCPercent(10)
	if *waits {
		wait()
	}
	if *profile {
		runtime.SetCPUProfileRate(500)
		pprof.StartCPUProfile(io.Discard)
	}
	var group sync.WaitGroup
	all := make([][]truth, *workers)
	sums := make([]uint64, *workers)
	done := make(chan struct{})
	together := make(chan struct{})
	go litter(done)
	for i := range all {
		all[i] = make([]truth, *flushes)
		group.Add(1)
		go func(i int) {
			sums[i] = work(i, *flushes, *limit, *chunk, *depth, all[i])
			group.Done()
			// All live until the last is done: each has a g of its own.
			<-together
		}(i)
	}
	if *execAfter > 0 && os.Getenv("LAZYGO_AGAIN") == "" {
		time.Sleep(*execAfter)
		panic(syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), "LAZYGO_AGAIN=1")))
	}
	group.Wait()
	close(together)
	close(done)
	if *profile {
		pprof.StopCPUProfile()
	}
	if *path != "" {
		writeTruth(*path, all)
	}
	fmt.Printf("%x\n", sums)
}
