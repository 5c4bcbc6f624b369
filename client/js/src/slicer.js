/** Cuts chunks and digests them off the main thread, one worker for all uploads. */

import { cut } from './cut.js';
import { FileUnreadable } from './errors.js';

/** @typedef {import('./cut.js').Chunk} Chunk */

export class Slicer {
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Map<number, {resolve: (chunk: Chunk) => void, reject: (error: Error) => void, redo: () => Promise<Chunk>}>} */
  #pending = new Map();
  #nextId = 0;

  /** @param {{worker?: boolean}} [options] `worker: false` works in the calling thread. */
  constructor({ worker = true } = {}) {
    // Only browsers: Node's fetch and SubtleCrypto work off the main thread anyway.
    if (worker && typeof Worker === 'function' && typeof document !== 'undefined') this.#start();
  }

  /**
   * Cut a chunk out of a file.
   *
   * @param {Blob} file
   * @param {number} start
   * @param {number} end
   * @param {import('./cut.js').Cutting} cutting
   * @returns {Promise<Chunk>}
   * @throws {FileUnreadable} The file is gone, or changed since it was chosen.
   */
  async cut(file, start, end, cutting) {
    try {
      return await (this.#worker ? this.#ask(file, start, end, cutting) : cut(file, start, end, cutting));
    } catch (error) {
      throw new FileUnreadable('The file can no longer be read. It was moved, changed or removed.', {
        cause: error,
      });
    }
  }

  close() {
    this.#worker?.terminate();
    this.#worker = null;
  }

  #start() {
    try {
      const worker = new Worker(new URL('./slicer-worker.js', import.meta.url), { type: 'module' });
      worker.onmessage = ({ data }) => this.#answer(data);
      worker.onerror = () => this.#fallBack();
      this.#worker = worker;
    } catch {
      // A page whose policy forbids workers: the calling thread does it.
    }
  }

  /**
   * @param {Blob} file
   * @param {number} start
   * @param {number} end
   * @param {import('./cut.js').Cutting} cutting
   * @returns {Promise<Chunk>}
   */
  #ask(file, start, end, cutting) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, redo: () => cut(file, start, end, cutting) });
      this.#worker?.postMessage({ id, file, start, end, cutting });
    });
  }

  /** @param {{id: number, chunk?: Chunk, error?: string}} answer */
  #answer({ id, chunk, error }) {
    const waiting = this.#pending.get(id);
    this.#pending.delete(id);
    if (chunk) waiting?.resolve(chunk);
    else waiting?.reject(new Error(error));
  }

  /** The worker could not be loaded: do its work here, beginning with what it was asked for. */
  #fallBack() {
    this.close();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { redo, resolve, reject } of waiting) redo().then(resolve, reject);
  }
}
