/** Fingerprints of files: samples distinguish files without reading all of them. */

import { FileUnreadable } from './errors.js';
import { sha256, toHex } from './sha256.js';

const SAMPLE_SIZE = 64 * 1024;
const SAMPLE_COUNT = 8;

/**
 * Compute a fingerprint of a file's content: SHA-256 over its size and samples from its
 * start, its end and places spread evenly between them (at most 512 KiB in all).
 *
 * @param {Blob} file
 * @returns {Promise<string>} Lower-case hexadecimal.
 * @throws {FileUnreadable} The file cannot be read.
 */
export async function fingerprint(file) {
  const samples = sampleRanges(file.size).map(([start, end]) => file.slice(start, end));
  const content = new Blob([`pdfsluice-fingerprint-1 ${file.size}\n`, ...samples]);
  try {
    return toHex(await sha256(new Uint8Array(await content.arrayBuffer())));
  } catch (error) {
    throw new FileUnreadable('The file cannot be read.', { cause: error });
  }
}

/**
 * @param {number} size
 * @returns {[number, number][]} Half-open ranges that do not overlap.
 */
function sampleRanges(size) {
  if (size <= SAMPLE_SIZE * SAMPLE_COUNT) return [[0, size]];
  const step = (size - SAMPLE_SIZE) / (SAMPLE_COUNT - 1);
  return Array.from({ length: SAMPLE_COUNT }, (_, index) => {
    const start = Math.floor(index * step);
    return /** @type {[number, number]} */ ([start, start + SAMPLE_SIZE]);
  });
}
