/**
 * The units of a file: the bodies of its streams, by which versions are compared. The rules are
 * those of the server and of the Python client (`client/units.py`).
 */

import { fileDigest } from './file-digest.js';
import { sha256, toHex } from './sha256.js';

const MIN_UNIT = 512;
const WINDOW = 4 * 1024 * 1024;
const MAX_KEYWORDS = 1_000_000;
const MAX_LINE_END = 4;
const WHOLE = 16 * 1024 * 1024; // read in one piece to be digested natively
const DIGEST_DIGITS = 32;
const BEGIN = new TextEncoder().encode('stream');
const END = new TextEncoder().encode('endstream');

/**
 * Yield start and end of each body of at least 512 bytes between `stream` and `endstream`.
 *
 * @param {Blob} file
 * @param {{window?: number, maxKeywords?: number, signal?: AbortSignal}} [options]
 * @returns {AsyncGenerator<[number, number]>}
 */
export async function* findStreams(file, { window = WINDOW, maxKeywords = MAX_KEYWORDS, signal } = {}) {
  const text = new Search(file, window);
  let position = 0;
  for (let keywords = 0; keywords < maxKeywords; keywords += 1) {
    signal?.throwIfAborted();
    const at = await text.find(BEGIN, position);
    if (at < 0) return;
    let start = (position = at + 6);
    const before = await text.at(Math.max(0, at - 3), at);
    const lineEnd = await text.at(start, start + 2);
    if (before === 'end' || !/^[\r\n]/.test(lineEnd)) continue;
    start += lineEnd === '\r\n' ? 2 : 1;
    let end = await text.find(END, start);
    if (end < 0) return;
    position = end + 9;
    const tail = await text.at(Math.max(start, end - MAX_LINE_END), end);
    end -= tail.length - tail.replace(/[\r\n]+$/, '').length;
    if (end - start >= MIN_UNIT) yield [start, end];
  }
}

/**
 * The first 16 bytes of the SHA-256 of a part of a file.
 *
 * @param {Blob} file
 * @param {number} start
 * @param {number} end
 * @returns {Promise<string>} Hexadecimal.
 */
export async function digestOf(file, start, end) {
  const part = file.slice(start, end);
  const digest =
    part.size > WHOLE ? await fileDigest(part) : toHex(await sha256(new Uint8Array(await part.arrayBuffer())));
  return digest.slice(0, DIGEST_DIGITS);
}

/** Searches a file in windows, of which one is in memory. */
class Search {
  #file;
  #window;
  #start = 0;
  #bytes = new Uint8Array();

  /**
   * @param {Blob} file
   * @param {number} window Bytes.
   */
  constructor(file, window) {
    this.#file = file;
    this.#window = window;
  }

  /**
   * @param {Uint8Array} word
   * @param {number} position Where to begin.
   * @returns {Promise<number>} -1 if it does not occur.
   */
  async find(word, position) {
    while (position + word.length <= this.#file.size) {
      let end = this.#start + this.#bytes.length;
      if (position < this.#start || position > end - word.length) {
        this.#bytes = await this.#read(position, position + this.#window);
        this.#start = position;
        end = position + this.#bytes.length;
        if (this.#bytes.length < word.length) return -1;
      }
      const at = indexOf(this.#bytes, word, position - this.#start);
      if (at >= 0) return this.#start + at;
      position = end - word.length + 1;
    }
    return -1;
  }

  /**
   * A few bytes as text, from the window if they are there.
   *
   * @param {number} start
   * @param {number} end
   */
  async at(start, end) {
    const here = this.#start <= start && end <= this.#start + this.#bytes.length;
    const bytes = here ? this.#bytes.subarray(start - this.#start, end - this.#start) : await this.#read(start, end);
    return String.fromCharCode(...bytes);
  }

  /**
   * @param {number} start
   * @param {number} end
   */
  async #read(start, end) {
    return new Uint8Array(await this.#file.slice(start, Math.min(end, this.#file.size)).arrayBuffer());
  }
}

/**
 * Where a word is in some bytes. The native search for its first byte skips nearly all others.
 *
 * @param {Uint8Array} bytes
 * @param {Uint8Array} word
 * @param {number} from
 */
function indexOf(bytes, word, from) {
  for (let at = bytes.indexOf(word[0], from); at >= 0; at = bytes.indexOf(word[0], at + 1)) {
    let same = 1;
    while (same < word.length && bytes[at + same] === word[same]) same += 1;
    if (same === word.length) return at;
  }
  return -1;
}
