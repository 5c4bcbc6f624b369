/** Finds what of a file the server has already, and encodes pieces as deltas from that. */

import { PdfsluiceError } from './errors.js';
import { digestOf, findStreams } from './units.js';

/** The media type of a piece that is sent as a delta. */
export const DELTA = 'application/vnd.pdfsluice.delta';

const COPY = 1;
const LITERAL = 2;
const INSTRUCTION = 17;
const MIN_COPY = 64;
const MAX_SHARE = 0.95;
const MAX_LITERALS = 16 * 1024 * 1024;
/** What makes the client send whole pieces from then on. */
const REFUSALS = new Set(['base-changed', 'checksum-mismatch', 'unsupported-media-type']);

/**
 * @typedef {object} Copy A run of bytes that the earlier version has as well.
 * @property {number} start
 * @property {number} end
 * @property {number} base Its offset in the earlier version.
 *
 * @typedef {object} DocumentUnits The server's description of the earlier version.
 * @property {number} file_size
 * @property {number} block_size
 * @property {string[]} blocks
 * @property {[number, number, string][]} units
 * @property {number | null} next
 */

export class Delta {
  #file;
  #copies;

  /**
   * @param {Blob} file
   * @param {Copy[]} copies By ascending offset.
   */
  constructor(file, copies) {
    this.#file = file;
    this.#copies = copies;
  }

  /** How many bytes of the file the earlier version has. */
  get shared() {
    return this.#copies.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {Promise<Blob | null>} `null` if it would not be smaller than 95 % of the piece.
   */
  async encode(start, end) {
    const copies = this.#between(start, end);
    const literals = end - start - copies.reduce((sum, copy) => sum + copy.end - copy.start, 0);
    const size = literals + (2 * copies.length + 1) * INSTRUCTION;
    if (copies.length === 0 || literals > MAX_LITERALS || size > (end - start) * MAX_SHARE) return null;
    /** @type {BlobPart[]} */
    const parts = [];
    const literal = async (/** @type {number} */ until) => {
      if (start >= until) return;
      parts.push(instruction(LITERAL, 0, until - start), await this.#file.slice(start, until).arrayBuffer());
    };
    for (const copy of copies) {
      await literal(copy.start);
      parts.push(instruction(COPY, copy.base, copy.end - copy.start));
      start = copy.end;
    }
    await literal(end);
    return new Blob(parts);
  }

  /**
   * Whether pieces are sent whole from now on, because of an error.
   *
   * @param {unknown} error
   */
  givesWay(error) {
    if (!(error instanceof PdfsluiceError) || !REFUSALS.has(error.code)) return false;
    this.#copies = [];
    return true;
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {Copy[]}
   */
  #between(start, end) {
    const copies = [];
    for (let number = this.#firstAfter(start); number < this.#copies.length; number += 1) {
      const copy = this.#copies[number];
      if (copy.start >= end) break;
      const first = Math.max(copy.start, start);
      const last = Math.min(copy.end, end);
      if (last - first >= MIN_COPY) copies.push({ start: first, end: last, base: copy.base + first - copy.start });
    }
    return copies;
  }

  /** @param {number} start The number of the first copy that ends after it. */
  #firstAfter(start) {
    let low = 0;
    let high = this.#copies.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#copies[middle].end <= start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * Compare a file with the document that it replaces.
 *
 * @param {import('./http.js').HttpClient} http
 * @param {Blob} file
 * @param {number} documentId
 * @param {AbortSignal} signal
 * @param {<T>(task: () => Promise<T>) => Promise<T>} retry
 * @returns {Promise<Delta>} Shares nothing if the document was deleted or the server is older.
 */
export async function findDelta(http, file, documentId, signal, retry) {
  /** @type {DocumentUnits[]} */
  const pages = [];
  try {
    for (let first = 0; ; ) {
      const query = { first };
      /** @type {DocumentUnits} */
      const page = await retry(() => http.json('GET', `/api/documents/${documentId}/units`, { query, signal }));
      pages.push(page);
      if (page.next === null) break;
      first = page.next;
    }
  } catch (error) {
    if (error instanceof PdfsluiceError && error.status) return new Delta(file, []);
    throw error;
  }
  return new Delta(file, await findCopies(file, pages, signal));
}

/**
 * What a file and an earlier version have in common.
 *
 * @param {Blob} file
 * @param {DocumentUnits[]} pages The first has the blocks.
 * @param {AbortSignal} [signal]
 * @returns {Promise<Copy[]>}
 */
export async function findCopies(file, pages, signal) {
  const prefix = await commonPrefix(file, pages[0], signal);
  const copies = prefix >= MIN_COPY ? [{ start: 0, end: prefix, base: 0 }] : [];
  /** @type {Map<string, number>} */
  const offsets = new Map();
  const sizes = new Set();
  for (const { units } of pages) {
    for (const [offset, size, digest] of units) {
      sizes.add(size);
      if (!offsets.has(`${size} ${digest}`)) offsets.set(`${size} ${digest}`, offset);
    }
  }
  for await (const [start, end] of findStreams(file, { signal })) {
    if (!sizes.has(end - start) || end <= prefix) continue;
    const base = offsets.get(`${end - start} ${await digestOf(file, start, end)}`);
    if (base === undefined) continue;
    const skipped = Math.max(0, prefix - start);
    copies.push({ start: start + skipped, end, base: base + skipped });
  }
  return copies;
}

/**
 * How many bytes from the beginning on are in blocks that both have.
 *
 * @param {Blob} file
 * @param {DocumentUnits} base
 * @param {AbortSignal} [signal]
 */
async function commonPrefix(file, base, signal) {
  for (const [number, digest] of base.blocks.entries()) {
    signal?.throwIfAborted();
    const start = number * base.block_size;
    const end = Math.min(base.file_size, start + base.block_size);
    if (end > file.size || (await digestOf(file, start, end)) !== digest) return start;
  }
  return Math.min(base.file_size, base.blocks.length * base.block_size);
}

/**
 * @param {number} kind
 * @param {number} offset
 * @param {number} length
 */
function instruction(kind, offset, length) {
  const view = new DataView(new ArrayBuffer(INSTRUCTION));
  view.setUint8(0, kind);
  view.setBigUint64(1, BigInt(offset));
  view.setBigUint64(9, BigInt(length));
  return view.buffer;
}
