/** Digests whole files off the main thread, while they are being sent. */

import { FileUnreadable } from './errors.js';
import { fileDigest } from './file-digest.js';

export class Digester {
  #useWorkers;

  /** @param {{worker?: boolean}} [options] `worker: false` works in the calling thread. */
  constructor({ worker = true } = {}) {
    this.#useWorkers = worker && typeof Worker === 'function' && typeof document !== 'undefined';
  }

  /**
   * Compute the SHA-256 of a file.
   *
   * @param {Blob} file
   * @param {AbortSignal} signal
   * @returns {Promise<string>} Lower-case hexadecimal.
   * @throws {FileUnreadable} The file is gone, or changed since it was chosen.
   */
  async digest(file, signal) {
    try {
      const clonable = this.#useWorkers && file instanceof Blob;
      return await (clonable ? this.#inWorker(file, signal) : fileDigest(file, signal));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new FileUnreadable('The file can no longer be read. It was moved, changed or removed.', {
        cause: error,
      });
    }
  }

  /**
   * @param {Blob} file
   * @param {AbortSignal} signal
   * @returns {Promise<string>}
   */
  async #inWorker(file, signal) {
    const worker = startWorker();
    if (!worker) {
      this.#useWorkers = false;
      return fileDigest(file, signal);
    }
    const aborted = new AbortController();
    try {
      return await new Promise((resolve, reject) => {
        worker.onmessage = ({ data: { digest, error } }) => {
          if (digest) resolve(digest);
          else reject(new Error(error));
        };
        // The worker could not be loaded: do its work here.
        worker.onerror = () => resolve(fileDigest(file, signal));
        signal.addEventListener('abort', () => reject(signal.reason), { signal: aborted.signal });
        worker.postMessage({ file });
      });
    } finally {
      aborted.abort();
      worker.terminate();
    }
  }
}

/** @returns {Worker | null} `null` if the policy of the page forbids workers. */
function startWorker() {
  try {
    return new Worker(new URL('./digest-worker.js', import.meta.url), { type: 'module' });
  } catch {
    return null;
  }
}
