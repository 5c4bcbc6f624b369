/** Decides which pieces to compress: those of which that makes an upload faster. */

const CODINGS = ['gzip']; // what every browser's CompressionStream knows
const MAX_PIECE = 16 * 1024 * 1024;
const NEGLIGIBLE = 0.02;
const MARGIN = 2;
const MEMORY = 0.25;
const FORGETTING = 0.01;

/**
 * The gain of compressing, for all uploads of a client. The rule is that of the Python client
 * (`client/compression.py`): a try costs the time that compressing takes and saves the time that
 * the link would need for the bytes that it removes. A piece is tried if a try costs at most 2 %
 * of the time that sending takes, or if the recent tries saved more than twice their cost. Each
 * piece that is not tried makes the next try a little more likely.
 */
export class Gain {
  #savedShare = 1;
  #millisecondsPerByte = NaN;
  #bytesPerMillisecond = NaN;

  /** Whether the next piece is to be tried; counts a piece that is not. */
  worthATry() {
    const cost = this.#millisecondsPerByte * this.#bytesPerMillisecond;
    if (Number.isNaN(cost) || cost <= NEGLIGIBLE || cost * MARGIN < this.#savedShare) return true;
    this.#savedShare = Math.min(1, this.#savedShare + FORGETTING);
    return false;
  }

  /**
   * A piece was compressed, or could not become smaller.
   *
   * @param {number} before Bytes.
   * @param {number} after Bytes.
   * @param {number} milliseconds
   */
  tried(before, after, milliseconds) {
    this.#savedShare += MEMORY * (1 - Math.min(after, before) / before - this.#savedShare);
    this.#millisecondsPerByte = mean(this.#millisecondsPerByte, milliseconds / before);
  }

  /**
   * A piece was acknowledged.
   *
   * @param {number} bytes As they were sent.
   * @param {number} sideBySide How many pieces were under way at a time.
   * @param {number} milliseconds
   */
  delivered(bytes, sideBySide, milliseconds) {
    const rate = (bytes * sideBySide) / Math.max(1, milliseconds);
    this.#bytesPerMillisecond = mean(this.#bytesPerMillisecond, rate);
  }
}

/** Chooses the coding of the pieces of one upload. */
export class Compression {
  #gain;
  #coding = '';

  /**
   * @param {Gain} gain
   * @param {string[]} accepted What the server accepts.
   */
  constructor(gain, accepted) {
    this.#gain = gain;
    if (typeof CompressionStream !== 'function') return;
    this.#coding = CODINGS.find((coding) => accepted.includes(coding)) ?? '';
  }

  /**
   * @param {number} size Bytes of the next piece.
   * @returns {string} The coding to try; empty for none.
   */
  next(size) {
    return this.#coding && size <= MAX_PIECE && this.#gain.worthATry() ? this.#coding : '';
  }

  /** Compress nothing more: a server or a proxy does not accept it. */
  refused() {
    this.#coding = '';
  }
}

/**
 * @param {number} before
 * @param {number} value
 */
function mean(before, value) {
  return Number.isNaN(before) ? value : before + MEMORY * (value - before);
}
