/** Cuts one chunk out of a file. Runs in the worker, or in the page without one. */

import { sha256, toBase64 } from './sha256.js';

const MAX_SHARE = 0.95;

/**
 * @typedef {object} Chunk
 * @property {Blob} blob Refers to the file, or holds the compressed bytes.
 * @property {string | null} digest SHA-256 of its bytes in base64.
 * @property {string} coding Its content coding; empty if it is not compressed.
 * @property {number} compressing Milliseconds that the attempt to compress it took; 0 without one.
 *
 * @typedef {object} Cutting How a chunk is to be cut.
 * @property {boolean} checksum
 * @property {string} coding To try; empty for none.
 */

/**
 * @param {Blob} file
 * @param {number} start
 * @param {number} end
 * @param {Cutting} cutting
 * @returns {Promise<Chunk>}
 */
export async function cut(file, start, end, { checksum, coding }) {
  const plain = file.slice(start, end);
  const began = performance.now();
  const coded = coding ? await compressed(plain, coding) : null;
  const compressing = coding ? performance.now() - began : 0;
  const blob = coded ?? plain;
  const digest = checksum ? toBase64(await sha256(new Uint8Array(await blob.arrayBuffer()))) : null;
  return { blob, digest, coding: coded ? coding : '', compressing };
}

/**
 * @param {Blob} blob
 * @param {string} coding
 * @returns {Promise<Blob | null>} `null` if it would not become smaller than 95 %.
 */
async function compressed(blob, coding) {
  const limit = blob.size * MAX_SHARE;
  const compression = new CompressionStream(/** @type {CompressionFormat} */ (coding));
  const reader = blob.stream().pipeThrough(compression).getReader();
  /** @type {BlobPart[]} */
  const pieces = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(pieces);
    pieces.push(value);
    size += value.byteLength;
    if (size < limit) continue;
    await reader.cancel();
    return null;
  }
}
