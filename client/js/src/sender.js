/** Sends what the server lacks of a file: piece after piece, several side by side. */

import { STREAMING } from './api.js';
import { Compression } from './compression.js';
import { DELTA, findDelta } from './delta.js';
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
  /** What need not be sent, of a new version of a document. @type {import('./delta.js').Delta | null} */
  #delta = null;
  #direct;

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
    this.#direct = options.direct ?? false;
  }

  /**
   * Find what need not be sent, if the file is a new version of a document.
   *
   * @param {import('./types.js').UploadSession} session
   * @param {AbortSignal} signal
   * @param {<T>(task: () => Promise<T>) => Promise<T>} retry
   */
  async compare({ replaces }, signal, retry) {
    if (!replaces || this.#options.encryption) return; // two encryptions have nothing in common
    this.#delta ??= await findDelta(this.#context.http, this.#file, replaces, signal, retry);
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
    const lanes = this.#options.parallel ?? this.#context.link.max;
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
    const { link } = this.#context;
    return link.carry(this.#progress.snapshot.chunkSize, signal, async (maxBytes) => {
      const { chunkSize } = this.#progress.snapshot;
      const piece = todo.cut(this.#direct && !this.#delta ? chunkSize : maxBytes);
      if (!piece) return 0; // Another lane took the last one.
      try {
        if (!(await this.#sendDelta(piece, signal)) && !(await this.#sendDirectly(piece, signal))) {
          await this.#sendPiece(piece, signal, this.#compression.next(piece[1] - piece[0]));
        }
      } catch (error) {
        todo.putBack(piece);
        throw error;
      }
      return piece[1] - piece[0];
    });
  }

  /**
   * Send a piece as a delta, if that makes it smaller. Its digest is that of the bytes of the file,
   * so that copied bytes are verified, too.
   *
   * @param {[number, number]} piece
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} Whether it was sent.
   */
  async #sendDelta([start, end], signal) {
    const blob = await this.#delta?.encode(start, end);
    if (!blob) return false;
    const checksum = this.#options.checksum ?? true;
    const { digest } = await this.#context.slicer.cut(this.#file, start, end, { checksum, coding: '' });
    signal.throwIfAborted();
    this.#fold(() => this.#progress.sending(start));
    try {
      await this.#put([start, end], { blob, digest, coding: DELTA, compressing: 0 }, signal);
    } catch (error) {
      if (!this.#delta?.givesWay(error)) throw error;
      return false;
    }
    this.#fold(() => this.#progress.stored(start, end));
    return true;
  }

  /**
   * Send the rest of a chunk to the store of the server and have it committed.
   *
   * @param {[number, number]} piece
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} Whether the server takes chunks that way.
   */
  async #sendDirectly([start, end], signal) {
    if (!this.#direct || this.#delta) return false;
    const { http, slicer, patiently } = this.#context;
    const { chunkSize, sessionId, speed } = this.#progress.snapshot;
    const path = `${STREAMING}/chunk/${sessionId}`;
    const query = { chunk_id: Math.floor(start / chunkSize), chunk_offset: start };
    /** @type {import('./types.js').UploadTicket} */
    let ticket;
    try {
      ticket = await http.json('POST', `${path}/direct`, { query, signal });
    } catch (error) {
      if (!(error instanceof PdfsluiceError) || error.code !== 'direct-upload-unavailable') throw error;
      this.#direct = false;
      return false;
    }
    const checksum = this.#options.checksum ?? true;
    const { blob, digest } = await slicer.cut(this.#file, start, end, { checksum, coding: '' });
    signal.throwIfAborted();
    this.#fold(() => this.#progress.sending(start));
    await patiently(end - start, speed, signal, (both) => http.sendElsewhere(ticket, blob, both));
    const proof = digest ? { checksum: `sha256:${hexOfBase64(digest)}` } : {};
    await http.json('POST', `${path}/commit`, { query: { ...query, ...proof }, signal });
    this.#fold(() => this.#progress.stored(start, end));
    return true;
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
    const { http, patiently, link, gain } = this.#context;
    const { chunkSize, sessionId, speed } = this.#progress.snapshot;
    const isDelta = coding === DELTA;
    const query = {
      chunk_id: Math.floor(start / chunkSize),
      chunk_offset: start,
      chunk_length: coding ? end - start : undefined,
      checksum: isDelta && digest ? hexOfBase64(digest) : undefined,
    };
    const headers = {
      'Content-Type': isDelta ? DELTA : 'application/octet-stream',
      ...(digest && !isDelta ? { 'Content-Digest': `sha-256=:${digest}:` } : {}),
      ...(coding && !isDelta ? { 'Content-Encoding': coding } : {}),
    };
    const request = { query, headers, body: blob };
    const began = link.now();
    await patiently(end - start, speed, signal, (both) =>
      http.json('PUT', `${STREAMING}/chunk/${sessionId}`, { ...request, signal: both }),
    );
    if (!isDelta) gain.delivered(blob.size, link.busy, link.now() - began);
  }
}

/** @param {string} text */
function hexOfBase64(text) {
  return Array.from(atob(text), (byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}
