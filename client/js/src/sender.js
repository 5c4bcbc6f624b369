/** Sends what the server lacks of a file: piece after piece, several side by side. */

import { STREAMING } from './api.js';
import { Compression } from './compression.js';
import { PdfsluiceError } from './errors.js';
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
  #compression;

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
    this.#compression = new Compression(context.gain, []);
  }

  /**
   * Send all that is missing.
   *
   * @param {AbortSignal} signal
   * @param {(task: () => Promise<void>, signal: AbortSignal) => Promise<void>} retry
   */
  async send(signal, retry) {
    const { missing, snapshot, codings } = this.#progress;
    this.#compression = new Compression(this.#context.gain, this.#options.compress === false ? [] : codings);
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
        await this.#sendPiece(piece, signal, this.#compression.next(piece[1] - piece[0]));
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
   * @param {string} wanted The coding to try; empty for none.
   */
  async #sendPiece([start, end], signal, wanted) {
    const { slicer, gain } = this.#context;
    const checksum = this.#options.checksum ?? true;
    const piece = await slicer.cut(this.#file, start, end, { checksum, coding: wanted });
    if (wanted) gain.tried(end - start, piece.blob.size, piece.compressing);
    signal.throwIfAborted();
    this.#fold(() => this.#progress.sending(start));
    try {
      await this.#put([start, end], piece, signal);
    } catch (error) {
      if (!piece.coding || !(error instanceof PdfsluiceError) || error.status !== 415) throw error;
      this.#compression.refused();
      await this.#sendPiece([start, end], signal, '');
      return;
    }
    this.#fold(() => this.#progress.stored(start, end));
  }

  /**
   * @param {[number, number]} range
   * @param {import('./cut.js').Chunk} piece
   * @param {AbortSignal} signal
   */
  async #put([start, end], { blob, digest, coding }, signal) {
    const { http, patiently, line, gain } = this.#context;
    const { chunkSize, sessionId, speed } = this.#progress.snapshot;
    const query = {
      chunk_id: Math.floor(start / chunkSize),
      chunk_offset: start,
      chunk_length: coding ? end - start : undefined,
    };
    const headers = {
      'Content-Type': 'application/octet-stream',
      ...(digest ? { 'Content-Digest': `sha-256=:${digest}:` } : {}),
      ...(coding ? { 'Content-Encoding': coding } : {}),
    };
    const request = { query, headers, body: blob };
    const began = line.now();
    await patiently(end - start, speed, signal, (both) =>
      http.json('PUT', `${STREAMING}/chunk/${sessionId}`, { ...request, signal: both }),
    );
    gain.delivered(blob.size, line.busy, line.now() - began);
  }
}
