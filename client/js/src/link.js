/**
 * How many pieces are in flight at a time, and how large they are. All uploads of a client share
 * one link to the server. The number of pieces, its *width*, grows while that makes the uploads
 * faster, and is halved after a failure.
 */

import { Load } from './pieces.js';

/** A greater width has to make the uploads faster by this factor. */
const MIN_GAIN = 1.05;
/** After so many windows without a change the width is increased again. */
const HOLD_WINDOWS = 8;

export class Link {
  #busy = 0;
  /** @type {{enter: () => void, chunkSize: number}[]} */
  #queue = [];
  #done = 0;
  #bytes = 0;
  #windowBegan = 0;
  #lastRate = 0;
  #hold = 0;
  #widened = false;
  #load = new Load();

  /**
   * @param {object} [options]
   * @param {number} [options.max] Browsers open six connections to a server that uses
   *   HTTP/1.1; some must stay free for everything else.
   * @param {number} [options.width] To begin with.
   * @param {() => number} [options.now] Milliseconds.
   */
  constructor({ max = 4, width = 2, now = () => performance.now() } = {}) {
    this.max = max;
    this.width = Math.min(width, max);
    this.now = now;
  }

  /** How many pieces are in flight. */
  get busy() {
    return this.#busy;
  }

  /**
   * Run a task when fewer pieces are in flight than may be.
   *
   * @param {number} chunkSize
   * @param {AbortSignal} signal
   * @param {(maxBytes: number) => Promise<number>} task Receives the most bytes that it may send;
   *   returns how many it sent.
   */
  async carry(chunkSize, signal, task) {
    await this.#enter(chunkSize, signal);
    const share = this.#load.shared(this.width, chunkSize);
    const began = this.now();
    try {
      const bytes = await task(share.piece);
      if (bytes === 0) return;
      this.#load.delivered(share, bytes, this.now() - began);
      this.#arrived(bytes);
    } catch (error) {
      if (!signal.aborted) this.#failed(share);
      throw error;
    } finally {
      this.#busy -= 1;
      this.#admit();
    }
  }

  /**
   * @param {number} chunkSize
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  #enter(chunkSize, signal) {
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', leave);
        this.#busy += 1;
        resolve();
      };
      const entry = { enter, chunkSize };
      const leave = () => {
        this.#queue = this.#queue.filter((other) => other !== entry);
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', leave, { once: true });
      this.#queue.push(entry);
      this.#admit();
    });
  }

  #admit() {
    for (let [next] = this.#queue; next && this.#busy < this.#slots(next); [next] = this.#queue) {
      if (this.#busy === 0) this.#beginWindow();
      this.#queue.shift()?.enter();
    }
  }

  /** @param {{chunkSize: number}} next */
  #slots({ chunkSize }) {
    return this.#load.shared(this.width, chunkSize).pieces;
  }

  #beginWindow() {
    this.#done = 0;
    this.#bytes = 0;
    this.#windowBegan = this.now();
  }

  /** @param {number} bytes */
  #arrived(bytes) {
    this.#done += 1;
    this.#bytes += bytes;
    if (this.#done < this.width * 2) return;
    const rate = this.#bytes / Math.max(1, this.now() - this.#windowBegan);
    this.#adapt(rate);
    this.#beginWindow();
  }

  /** @param {number} rate Bytes per millisecond. */
  #adapt(rate) {
    const gained = rate > this.#lastRate * MIN_GAIN;
    this.#lastRate = rate;
    if (this.#hold > 0) {
      this.#hold -= 1;
    } else if (this.#widened && !gained) {
      // The last widening gave nothing: take it back, and try again much later.
      this.width -= 1;
      this.#widened = false;
      this.#hold = HOLD_WINDOWS;
    } else {
      this.#widened = this.width < this.max;
      this.width = Math.min(this.max, this.width + 1);
    }
  }

  /** @param {import('./pieces.js').Share} share The one with which the piece was sent. */
  #failed(share) {
    this.#load.failed(share);
    this.width = Math.max(1, Math.floor(this.width / 2));
    this.#widened = false;
    this.#hold = HOLD_WINDOWS;
    this.#beginWindow();
  }
}
