/** How the bytes of a file are divided: stretches within chunks, and pieces of stretches. */

const KIB = 1024;
const FIRST = 1024 * KIB;
const LEAST = 256 * KIB;
const SECONDS = 4;

/**
 * Divide missing ranges where chunks meet.
 *
 * @param {[number, number][]} ranges Half-open, ascending.
 * @param {number} chunkSize
 * @returns {Generator<[number, number]>}
 */
export function* withinChunks(ranges, chunkSize) {
  for (const [start, end] of ranges) {
    for (let at = start; at < end; ) {
      const border = Math.min(end, (Math.floor(at / chunkSize) + 1) * chunkSize);
      yield [at, border];
      at = border;
    }
  }
}

/**
 * How much one request carries. A piece that carries a checksum is kept whole or not at all, so
 * that nothing more than a piece is lost where a line breaks: each is to take four seconds. A
 * fast line soon carries whole chunks.
 */
export class PieceSize {
  #wanted = FIRST;

  /** How many pieces may be under way at once: a slow line has better one that arrives. */
  get sideBySide() {
    return Math.max(1, Math.floor(this.#wanted / LEAST));
  }

  /**
   * @param {number} rest Bytes that there are to send.
   * @returns {number} Bytes of the next piece; pieces of one stretch are about equal.
   */
  of(rest) {
    return Math.ceil(rest / Math.ceil(rest / this.#wanted));
  }

  /**
   * A piece has arrived. Small ones tell more of the way there and back than of the line.
   *
   * @param {number} bytes
   * @param {number} milliseconds
   */
  arrived(bytes, milliseconds) {
    if (bytes < LEAST) return;
    const target = (bytes / Math.max(1, milliseconds)) * 1000 * SECONDS;
    this.#wanted = Math.max(LEAST, Math.min(this.#wanted * 2, target));
  }

  /** @param {number} bytes Of a piece that did not arrive. */
  failed(bytes) {
    if (bytes < LEAST) return;
    this.#wanted = Math.max(LEAST, Math.min(this.#wanted, bytes) / 2);
  }
}
