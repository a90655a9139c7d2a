// SPDX-License-Identifier: GPL-2.0-only
// Buffers that are kept and then joined: node concat.js ROUNDS. The joins are printed.
const parts = [];
for (let i = 0; i < 256; i++) parts.push(Buffer.alloc(1 << 20, 97 + i % 26));

function flushParts(parts) {
  return Buffer.concat(parts);
}

for (let round = 0; round < Number(process.argv[2]); round++) {
  const start = process.hrtime.bigint();
  flushParts(parts);
  const took = process.hrtime.bigint() - start;
  console.log(`{"start_ns":${start},"duration_ns":${took}}`);
}
