/** Files for the tests. */

import { createHash } from 'node:crypto';

export const KIB = 1024;

/** Bytes that differ from place to place and, by seed, from file to file. */
export function content(size, seed = 1) {
  const bytes = Buffer.alloc(size);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < size; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function file(size, { name = 'report.pdf', seed = 1 } = {}) {
  return new File([content(size, seed)], name, { type: 'application/pdf' });
}

export function digest(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Wait for something that becomes true through events. */
export async function until(condition, what = 'the condition') {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come true within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
