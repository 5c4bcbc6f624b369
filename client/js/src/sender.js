/** Sends what the server lacks of a file: chunks side by side, each in pieces. */

import { STREAMING } from './api.js';
import { withinChunks } from './pieces.js';
import { following } from './signals.js';

/** @typedef {import('./progress.js').UploadProgress} UploadProgress */
/** @typedef {(fold: () => void) => void} Tell Changes the progress and tells whoever listens. */

export class Sender {
  #context;
  #file;
  #options;
  #progress;
  #tell;

  /**
   * @param {import('./client.js').UploadContext} context
   * @param {import('./types.js').UploadSource} file
   * @param {import('./types.js').UploadOptions} options
   * @param {UploadProgress} progress
   * @param {Tell} tell
   */
  constructor(context, file, options, progress, tell) {
    this.#context = context;
    this.#file = file;
    this.#options = options;
    this.#progress = progress;
    this.#tell = tell;
  }

  /**
   * Send all that is missing.
   *
   * @param {AbortSignal} signal
   * @param {(task: () => Promise<number>, signal: AbortSignal) => Promise<number>} retry
   */
  async send(signal, retry) {
    const { missing, snapshot } = this.#progress;
    const stretches = withinChunks(missing, snapshot.chunkSize);
    const lanes = this.#options.parallel ?? this.#context.line.max;
    await following(signal, async (sending) => {
      const lane = async () => {
        for (const [start, end] of stretches) {
          for (let at = start; at < end; ) {
            const from = at;
            at = await retry(() => this.#sendPiece(from, end, sending.signal), sending.signal);
          }
        }
      };
      try {
        await Promise.all(Array.from({ length: lanes }, lane));
      } catch (error) {
        sending.abort(error); // One lane's failure ends the others; their bytes would be wasted.
        throw error;
      }
    });
  }

  /**
   * @param {number} start
   * @param {number} end Behind the last byte that is missing of this chunk.
   * @param {AbortSignal} signal
   * @returns {Promise<number>} Where the next piece begins.
   */
  #sendPiece(start, end, signal) {
    const { http, line, slicer, patiently } = this.#context;
    const { chunkSize, sessionId } = this.#progress.snapshot;
    const chunk = Math.floor(start / chunkSize);
    return line.carry(end - start, chunkSize, signal, async (bytes) => {
      const next = start + bytes;
      const { blob, digest } = await slicer.cut(this.#file, start, next, this.#options.checksum ?? true);
      signal.throwIfAborted();
      this.#tell(() => this.#progress.sending(chunk));
      const query = { chunk_id: chunk, chunk_offset: start };
      const headers = {
        'Content-Type': 'application/octet-stream',
        ...(digest ? { 'Content-Digest': `sha-256=:${digest}:` } : {}),
      };
      const request = { query, headers, body: blob };
      await patiently(bytes, this.#progress.snapshot.speed, signal, (both) =>
        http.json('PUT', `${STREAMING}/chunk/${sessionId}`, { ...request, signal: both }),
      );
      this.#tell(() => this.#progress.stored(chunk, start, next));
      return next;
    });
  }
}
