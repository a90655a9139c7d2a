// SPDX-License-Identifier: GPL-2.0-only
//! Rust functions by the names that people give them: rings ROUNDS. Each counts its own calls and
//! copies, which are made by libc's memcpy; the checksum tells whether a watch did harm.

use std::io::Write;

extern "C" {
    fn memcpy(into: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
}

mod store {
    use std::cell::Cell;

    #[derive(Default)]
    pub struct Truth {
        pub calls: Cell<u64>,
        pub bytes: Cell<u64>,
        pub copies: Cell<u64>,
    }

    pub struct Ring {
        pub from: Vec<u8>,
        pub into: Vec<u8>,
        pub checksum: u64,
    }

    impl Ring {
        #[inline(never)]
        pub fn copy(&mut self, truth: &Truth, bytes: usize) {
            self.from[bytes - 1] = truth.calls.get() as u8;
            unsafe { super::memcpy(self.into.as_mut_ptr(), self.from.as_ptr(), bytes) };
            self.checksum = self
                .checksum
                .wrapping_mul(31)
                .wrapping_add(self.into[bytes - 1] as u64 + bytes as u64);
            truth.bytes.set(truth.bytes.get() + bytes as u64);
            truth.copies.set(truth.copies.get() + 1);
        }

        #[inline(never)]
        pub fn drain(&mut self, truth: &Truth, pieces: usize) {
            truth.calls.set(truth.calls.get() + 1);
            for piece in 0..pieces {
                self.copy(truth, 1000 + piece);
            }
        }
    }

    pub trait Store {
        fn flush(&mut self, truth: &Truth, pieces: usize);
    }

    impl Store for Ring {
        #[inline(never)]
        fn flush(&mut self, truth: &Truth, pieces: usize) {
            truth.calls.set(truth.calls.get() + 1);
            for piece in 0..pieces {
                self.copy(truth, 2000 + piece);
            }
        }
    }

    #[inline(never)]
    pub fn pour<T: Into<u64> + Copy>(ring: &mut Ring, truth: &Truth, most: T) {
        truth.calls.set(truth.calls.get() + 1);
        let most: u64 = most.into();
        for piece in 0..most {
            ring.copy(truth, (3000 + piece) as usize);
        }
    }
}

use store::{pour, Ring, Store, Truth};

fn tell(name: &str, truth: &Truth) {
    println!(
        "{{\"function\":\"{}\",\"calls\":{},\"copied_bytes\":{},\"copies\":{}}}",
        name,
        truth.calls.get(),
        truth.bytes.get(),
        truth.copies.get()
    );
}

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let (drain, flush, bytes, words) =
        (Truth::default(), Truth::default(), Truth::default(), Truth::default());
    let mut ring = Ring { from: vec![7; 1 << 16], into: vec![0; 1 << 16], checksum: 0 };

    for round in 0..rounds {
        ring.drain(&drain, round % 7);
        ring.flush(&flush, round % 5 + 1);
        pour(&mut ring, &bytes, (round % 3) as u8);
        pour(&mut ring, &words, (round % 4) as u32);
    }
    tell("rings::store::Ring::drain", &drain);
    tell("<rings::store::Ring as rings::store::Store>::flush", &flush);
    tell("pour u8", &bytes);
    tell("pour u32", &words);
    println!("{{\"checksum\":{}}}", ring.checksum);
    std::io::stdout().flush().unwrap();
}
