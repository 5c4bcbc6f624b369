/** Cuts one chunk out of a file. Runs in the worker, or in the page without one. */

import { sha256, toBase64 } from './sha256.js';

/**
 * @typedef {object} Chunk
 * @property {Blob} blob Refers to the file; its bytes are not held in memory.
 * @property {string | null} digest SHA-256 in base64.
 */

/**
 * @param {Blob} file
 * @param {number} start
 * @param {number} end
 * @param {boolean} checksum
 * @returns {Promise<Chunk>}
 */
export async function cut(file, start, end, checksum) {
  const blob = file.slice(start, end);
  if (!checksum) return { blob, digest: null };
  return { blob, digest: toBase64(await sha256(new Uint8Array(await blob.arrayBuffer()))) };
}
