/** The SHA-256 of a whole file, read in slices. Runs in a worker, or in the page without one. */

import { Sha256, toHex } from './sha256.js';

const SLICE = 1024 * 1024;

/**
 * Compute the digest of a file; its bytes are never held as a whole.
 *
 * @param {Blob} file
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>} Lower-case hexadecimal.
 */
export async function fileDigest(file, signal) {
  const hash = nativeHash() ?? new Sha256();
  for (let start = 0; start < file.size; start += SLICE) {
    signal?.throwIfAborted();
    const slice = file.slice(start, Math.min(start + SLICE, file.size));
    hash.update(new Uint8Array(await slice.arrayBuffer()));
  }
  return toHex(hash.digest());
}

/**
 * Node computes digests in parts natively; SubtleCrypto needs the whole content in memory.
 *
 * @returns {{update(data: Uint8Array): unknown, digest(): Uint8Array} | undefined}
 */
function nativeHash() {
  return globalThis.process?.getBuiltinModule?.('node:crypto')?.createHash('sha256');
}
