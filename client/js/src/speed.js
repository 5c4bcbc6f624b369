/** Speed over the last seconds. */

const WINDOW = 8000;

export class SpeedMeter {
  /** @type {{at: number, bytes: number}[]} */
  #samples = [];

  /**
   * Note how many bytes have arrived by now.
   *
   * @param {number} bytes Total so far; a smaller one than before starts again.
   * @param {number} [at] Milliseconds.
   */
  add(bytes, at = performance.now()) {
    const last = this.#samples.at(-1);
    if (last && bytes < last.bytes) this.#samples = [];
    this.#samples.push({ at, bytes });
    while (this.#samples.length > 2 && this.#samples[0].at < at - WINDOW) this.#samples.shift();
  }

  reset() {
    this.#samples = [];
  }

  /** Bytes per second; 0 while unknown. */
  get bytesPerSecond() {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.at - first.at < 200) return 0;
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
  }
}
