/** Sends what the server lacks of a file: piece after piece, several side by side. */

import { STREAMING } from './api.js';
import { Todo } from './pieces.js';
import { following } from './signals.js';

/** @typedef {import('./progress.js').UploadProgress} UploadProgress */
/** @typedef {(fold: () => void) => void} Fold Changes the progress and notifies listeners. */

export class Sender {
  #context;
  #file;
  #options;
  #progress;
  #fold;

  /**
   * @param {import('./client.js').UploadContext} context
   * @param {import('./types.js').UploadSource} file
   * @param {import('./types.js').UploadOptions} options
   * @param {UploadProgress} progress
   * @param {Fold} fold
   */
  constructor(context, file, options, progress, fold) {
    this.#context = context;
    this.#file = file;
    this.#options = options;
    this.#progress = progress;
    this.#fold = fold;
  }

  /**
   * Send all that is missing.
   *
   * @param {AbortSignal} signal
   * @param {(task: () => Promise<void>, signal: AbortSignal) => Promise<void>} retry
   */
  async send(signal, retry) {
    const { missing, snapshot } = this.#progress;
    const todo = new Todo(missing, snapshot.chunkSize);
    const lanes = this.#options.parallel ?? this.#context.line.max;
    await following(signal, async (sending) => {
      const lane = async () => {
        while (!todo.empty) await retry(() => this.#sendNext(todo, sending.signal), sending.signal);
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
   * @param {Todo} todo
   * @param {AbortSignal} signal
   */
  #sendNext(todo, signal) {
    const { line } = this.#context;
    return line.carry(this.#progress.snapshot.chunkSize, signal, async (most) => {
      const piece = todo.cut(most);
      if (!piece) return 0; // Another lane took the last one.
      try {
        await this.#sendPiece(piece, signal);
      } catch (error) {
        todo.putBack(piece);
        throw error;
      }
      return piece[1] - piece[0];
    });
  }

  /**
   * @param {[number, number]} piece
   * @param {AbortSignal} signal
   */
  async #sendPiece([start, end], signal) {
    const { http, slicer, patiently } = this.#context;
    const { chunkSize, sessionId } = this.#progress.snapshot;
    const chunk = Math.floor(start / chunkSize);
    const { blob, digest } = await slicer.cut(this.#file, start, end, this.#options.checksum ?? true);
    signal.throwIfAborted();
    this.#fold(() => this.#progress.sending(start));
    const query = { chunk_id: chunk, chunk_offset: start };
    const headers = {
      'Content-Type': 'application/octet-stream',
      ...(digest ? { 'Content-Digest': `sha-256=:${digest}:` } : {}),
    };
    const request = { query, headers, body: blob };
    await patiently(end - start, this.#progress.snapshot.speed, signal, (both) =>
      http.json('PUT', `${STREAMING}/chunk/${sessionId}`, { ...request, signal: both }),
    );
    this.#fold(() => this.#progress.stored(start, end));
  }
}
