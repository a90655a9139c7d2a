// SPDX-License-Identifier: GPL-2.0-only
//! A Vec that grows: growing_rust ROUNDS. Each push that made it grow at length is printed. Entries
//! are aligned to cache lines: what malloc() aligns, realloc() would move without a copy.

const ENTRIES: u64 = 2 << 20; // and one more: the last growth moves 128 MiB, the one before it 64
const LONG_NS: i64 = 20_000_000;

mod ledger {
    #[repr(C, align(64))]
    pub struct Entry(pub [u64; 8]);

    pub struct Journal<T> {
        pub entries: Vec<T>,
    }

    impl<T> Journal<T> {
        #[inline(never)]
        pub fn append(&mut self, entry: T) {
            self.entries.push(entry);
        }
    }
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
}

fn now_ns() -> i64 {
    let mut time = [0; 2];
    unsafe { clock_gettime(1, &mut time) };
    time[0] * 1_000_000_000 + time[1]
}

fn fill() {
    let mut journal = ledger::Journal { entries: Vec::new() };
    for i in 0..=ENTRIES {
        let (room, start_ns) = (journal.entries.capacity(), now_ns());
        journal.append(ledger::Entry([i; 8]));
        let took_ns = now_ns() - start_ns;
        if journal.entries.capacity() != room && took_ns >= LONG_NS {
            println!("{{\"start_ns\":{},\"duration_ns\":{}}}", start_ns, took_ns);
        }
    }
}

fn main() {
    let rounds = std::env::args().nth(1).map_or(1, |rounds| rounds.parse().unwrap());
    for _ in 0..rounds {
        fill();
    }
}
