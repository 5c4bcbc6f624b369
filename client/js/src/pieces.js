/** How the bytes of a file are divided: which come next, and how many at a time. */

const KIB = 1024;
const FIRST_BYTES = 1024 * KIB;
const MIN_PIECE_BYTES = 256 * KIB;
const CARRIED_SECONDS = 4;

/** What the server lacks and no request sends yet. */
export class Todo {
  /** @type {[number, number][]} */
  #ranges;
  #chunkSize;

  /**
   * @param {[number, number][]} ranges Half-open, ascending.
   * @param {number} chunkSize
   */
  constructor(ranges, chunkSize) {
    this.#ranges = [...ranges];
    this.#chunkSize = chunkSize;
  }

  get empty() {
    return this.#ranges.length === 0;
  }

  /**
   * Take the first piece; none goes beyond its chunk.
   *
   * @param {number} maxBytes
   * @returns {[number, number] | null} `null` if nothing is left.
   */
  cut(maxBytes) {
    const [first, ...others] = this.#ranges;
    if (!first) return null;
    const [start, end] = first;
    const border = (Math.floor(start / this.#chunkSize) + 1) * this.#chunkSize;
    const stop = Math.min(end, border, start + maxBytes);
    this.#ranges = stop < end ? [[stop, end], ...others] : others;
    return [start, stop];
  }

  /** @param {[number, number]} piece One that did not arrive; it is cut again. */
  putBack(piece) {
    this.#ranges = [...this.#ranges, piece].sort(([a], [b]) => a - b);
  }
}

/**
 * How much is in flight.
 *
 * @typedef {object} Share
 * @property {number} size Bytes of all pieces together.
 * @property {number} pieces How many there are at most.
 * @property {number} piece Bytes that each of them has at most.
 */

/**
 * How much is in flight at a time: what the link carries in four seconds. A piece that carries a checksum
 * is kept whole or not at all, so that a broken connection costs no more than that. The rule is that of
 * the Python client (`client/link.py`).
 */
export class Load {
  #size = FIRST_BYTES;

  /**
   * Divide the load among as many pieces as get 1 MiB each, or a chunk if chunks are smaller.
   *
   * @param {number} width How many there may be.
   * @param {number} chunkSize
   * @returns {Share}
   */
  shared(width, chunkSize) {
    const size = Math.min(this.#size, chunkSize * width);
    const pieces = Math.max(1, Math.min(width, Math.floor(size / Math.min(FIRST_BYTES, chunkSize))));
    return { size, pieces, piece: Math.min(chunkSize, Math.floor(size / pieces)) };
  }

  /**
   * A piece has arrived. The next load is at most twice the one it was part of. Small pieces, the
   * rests of chunks, measure the round trip rather than the link.
   *
   * @param {Share} share The one with which it was sent.
   * @param {number} bytes
   * @param {number} milliseconds
   */
  delivered({ size, pieces, piece }, bytes, milliseconds) {
    if (bytes < Math.min(MIN_PIECE_BYTES, piece)) return;
    const carried = (bytes * pieces * CARRIED_SECONDS * 1000) / Math.max(1, milliseconds);
    this.#size = Math.max(MIN_PIECE_BYTES, Math.min(carried, size * 2));
  }

  /** @param {Share} share The one with which the piece was sent that failed. */
  failed({ size }) {
    this.#size = Math.max(MIN_PIECE_BYTES, size / 2);
  }
}
