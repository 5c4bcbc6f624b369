/**
 * SHA-256 (FIPS 180-4). Browsers offer SubtleCrypto in secure contexts only (https and
 * localhost); on a plain-http address in a local network the digest is computed here.
 */

const ROUND_CONSTANTS = new Uint32Array(64);
const INITIAL_STATE = new Uint32Array(8);

// The constants are the fractional parts of cube and square roots of the first primes.
for (let candidate = 2, found = 0; found < 64; candidate += 1) {
  if (isPrime(candidate)) {
    if (found < 8) INITIAL_STATE[found] = fraction(Math.sqrt(candidate));
    ROUND_CONSTANTS[found] = fraction(Math.cbrt(candidate));
    found += 1;
  }
}

/** @param {number} n */
function isPrime(n) {
  for (let divisor = 2; divisor * divisor <= n; divisor += 1) {
    if (n % divisor === 0) return false;
  }
  return true;
}

/** @param {number} x */
function fraction(x) {
  return ((x - Math.floor(x)) * 2 ** 32) >>> 0;
}

/**
 * Compute a digest, natively where possible.
 *
 * @param {Uint8Array<ArrayBuffer>} data
 * @returns {Promise<Uint8Array>} 32 bytes.
 */
export async function sha256(data) {
  const subtle = globalThis.crypto?.subtle;
  if (subtle) return new Uint8Array(await subtle.digest('SHA-256', data));
  return sha256Script(data);
}

/**
 * Compute a digest without native help.
 *
 * @param {Uint8Array} data
 * @returns {Uint8Array} 32 bytes.
 */
export function sha256Script(data) {
  return new Sha256().update(data).digest();
}

/** A digest of data that comes in parts, without native help. */
export class Sha256 {
  #state = INITIAL_STATE.slice();
  #schedule = new Uint32Array(64);
  #block = new Uint8Array(64);
  #length = 0;

  /**
   * Add data.
   *
   * @param {Uint8Array} data
   * @returns {this}
   */
  update(data) {
    let at = 0;
    const filled = this.#length % 64;
    this.#length += data.length;
    if (filled > 0) {
      at = Math.min(64 - filled, data.length);
      this.#block.set(data.subarray(0, at), filled);
      if (filled + at < 64) return this;
      compress(this.#state, this.#schedule, this.#block, 0);
    }
    for (; at + 64 <= data.length; at += 64) compress(this.#state, this.#schedule, data, at);
    this.#block.set(data.subarray(at));
    return this;
  }

  /**
   * Return the digest; nothing can be added after it.
   *
   * @returns {Uint8Array} 32 bytes.
   */
  digest() {
    const filled = this.#length % 64;
    const tail = new Uint8Array(filled < 56 ? 64 : 128);
    tail.set(this.#block.subarray(0, filled));
    tail[filled] = 0x80;
    const view = new DataView(tail.buffer);
    view.setUint32(tail.length - 8, Math.floor(this.#length / 2 ** 29));
    view.setUint32(tail.length - 4, (this.#length << 3) >>> 0);
    for (let at = 0; at < tail.length; at += 64) compress(this.#state, this.#schedule, tail, at);
    const digest = new DataView(new ArrayBuffer(32));
    this.#state.forEach((word, index) => digest.setUint32(index * 4, word));
    return new Uint8Array(digest.buffer);
  }
}

/**
 * @param {Uint32Array} state
 * @param {Uint32Array} w Scratch for the message schedule.
 * @param {Uint8Array} data
 * @param {number} at
 */
function compress(state, w, data, at) {
  for (let i = 0; i < 16; i += 1, at += 4) {
    w[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
  }
  for (let i = 16; i < 64; i += 1) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND_CONSTANTS[i] + w[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} Lower-case hexadecimal.
 */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
