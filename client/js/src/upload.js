/** One upload, from the choice of a file to the finished document. */

import { importEnded } from './api.js';
import { completed } from './completion.js';
import { cancelled, endOf, errorOfStatus, ignoreEnded, isGone, mayHideAnEnd, stateAfter } from './endings.js';
import {
  ContentRejected,
  DigestMismatch,
  DuplicateDocument,
  FileChanged,
  PdfsluiceError,
  UploadCancelled,
  UploadIncomplete,
} from './errors.js';
import { UploadProgress } from './progress.js';
import { sleep, withRetry } from './retry.js';
import { Sender } from './sender.js';
import { SessionOpener } from './session-opener.js';
import { unlessAborted, withResolver } from './signals.js';

/** @typedef {import('./types.js').UploadSnapshot} UploadSnapshot */
/** @typedef {import('./types.js').UploadResult} UploadResult */
/** @typedef {import('./client.js').UploadContext} UploadContext */

const PAUSED = Symbol('paused');
/** States that stay visible while a failed request waits for its next try. */
const LASTING = new Set(['finishing', 'cancelling']);
const FINAL = new Set(['completed', 'rejected', 'cancelled', 'failed']);
/** States in which the server works on the upload: there is no result to ask for yet. */
const BUSY = new Set(['processing', 'validating', 'importing']);
const MAX_ROUNDS = 5;

export class Upload {
  /** @type {UploadContext} */
  #context;
  /** @type {SessionOpener} */
  #opener;
  /** @type {UploadProgress} */
  #progress;
  /** @type {Sender} */
  #sender;
  /** @type {Set<(snapshot: UploadSnapshot) => void>} */
  #listeners = new Set();
  #run = new AbortController();
  /** @type {{promise: Promise<void>, resolve: () => void} | null} */
  #pause = null;
  #stopWatching = () => {};
  #wake = () => {};
  #waits = 0;
  /** Why it is to be cancelled; `null` if it is not to be. @type {string | null} */
  #cancelling = null;
  /** SHA-256 of the file, which is computed while it is sent. @type {Promise<string> | null} */
  #digest = null;
  #digesting = new AbortController();
  /** Why the upload has to end; outlives the run that it interrupts. @type {unknown} */
  #ending = null;

  /**
   * @param {UploadContext} context
   * @param {import('./types.js').UploadSource} file
   * @param {import('./types.js').UploadOptions} options
   */
  constructor(context, file, options) {
    this.#context = context;
    this.file = file;
    this.options = options;
    const filename = options.filename ?? file.name ?? 'document.pdf';
    this.#progress = new UploadProgress(filename, file.size);
    this.#opener = new SessionOpener(context, file, { ...options, filename });
    this.#sender = new Sender(context, file, options, this.#progress, (fold) => this.#change({}, fold));
    if (options.onProgress) this.#listeners.add(options.onProgress);
    /**
     * The finished document; rejects with the error that ended the upload.
     * @type {Promise<UploadResult>}
     */
    this.done = this.#drive();
    this.done.catch(() => {}); // Listeners to changes were notified already.
  }

  /** How the upload stands. @returns {UploadSnapshot} */
  get snapshot() {
    return this.#progress.snapshot;
  }

  get sessionId() {
    return this.snapshot.sessionId;
  }

  /** Whether it has ended, well or not. */
  get ended() {
    return FINAL.has(this.snapshot.state);
  }

  /**
   * Subscribe to every change.
   *
   * @param {(snapshot: UploadSnapshot) => void} listener
   * @returns {() => void} Stops it.
   */
  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stop sending; what has arrived is kept. */
  pause() {
    if (this.#pause || this.ended || LASTING.has(this.snapshot.state)) return;
    this.#pause = withResolver();
    this.#run.abort(PAUSED);
    this.#change({ state: 'paused', waiting: null });
  }

  /** Resume after a pause, or skip the wait for the next try. */
  resume() {
    if (this.#pause) {
      this.#pause.resolve();
      this.#pause = null;
    } else if (this.snapshot.waiting) {
      this.#interrupt();
    }
  }

  /**
   * Give the upload up; the server deletes what has arrived. The state is `cancelling` until the
   * server has confirmed it, however long that takes.
   *
   * @param {string} [reason]
   * @returns {Promise<void>} When the upload has ended, one way or the other.
   */
  async cancel(reason = '') {
    if (!this.ended && this.#cancelling === null) {
      this.#cancelling = reason;
      this.#interrupt();
    }
    await this.done.catch(ignoreEnded);
  }

  /**
   * Report the import, which runs in the background after completion.
   *
   * @returns {Promise<import('./types.js').ImportStatus>} When it has ended, well or not.
   */
  async followImport() {
    const { document } = await this.done;
    const context = this.#context;
    const stop = context.channel.watch(this.sessionId, (event) => this.#received(event));
    try {
      for (;;) {
        const request = () => context.documents.importStatus(document.id);
        const status = await withRetry(request, { policy: context.policy });
        this.#received({ type: 'import', status });
        if (importEnded(status)) return status;
        await sleep(context.pollInterval);
      }
    } finally {
      stop();
    }
  }

  /** @param {unknown} reason */
  #abort(reason) {
    this.#ending ??= reason;
    this.#interrupt(reason);
  }

  /** End this round; the next begins without waiting. @param {unknown} [reason] */
  #interrupt(reason = PAUSED) {
    this.#run.abort(reason);
    this.#pause?.resolve();
    this.#pause = null;
  }

  /** @returns {Promise<UploadResult>} */
  async #drive() {
    const { signal } = this.options;
    const onAbort = () => this.#abort(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    try {
      for (let rounds = 0; ; ) {
        try {
          const { signal } = this.#run;
          if (this.#cancelling !== null) await this.#giveUp(this.#cancelling, signal);
          return await this.#round(signal);
        } catch (error) {
          if (error instanceof UploadIncomplete && (rounds += 1) < MAX_ROUNDS) continue;
          if (error !== PAUSED) throw await this.#explain(error);
          this.#progress.nothingSending();
          while (this.#pause) await this.#pause.promise;
          if (this.#ending) throw await this.#explain(this.#ending);
          this.#run = new AbortController();
        }
      }
    } catch (error) {
      await this.#failed(error);
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#digesting.abort();
      this.#stopWatching();
    }
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<UploadResult>}
   */
  async #round(signal) {
    this.#change({ state: this.sessionId ? 'uploading' : 'preparing', waiting: null });
    let opened;
    try {
      opened = await this.#opener.open(signal, (task) => this.#retry(task, signal));
    } catch (error) {
      if (!(error instanceof DuplicateDocument) || !error.details.document) throw error;
      return this.#endAsDuplicate(error.details.document);
    }
    const { session, resumed } = opened;
    this.#progress.session(session);
    this.#stopWatching();
    this.#stopWatching = this.#context.channel.watch(session.session_id, (event) => this.#received(event));
    this.#change({ state: 'uploading', resumed: resumed || this.snapshot.resumed });
    if (!session.expected_hash) this.#beginDigest();
    await this.#sender.compare(session, signal, (task) => this.#retry(task, signal));
    await this.#sender.send(signal, (task, sending) => this.#retry(task, sending));
    return this.#finish(signal);
  }

  /**
   * End with the document that has the bytes of the file already, before a byte was sent.
   *
   * @param {import('./types.js').PdfDocument} document
   * @returns {UploadResult}
   */
  #endAsDuplicate(document) {
    const size = this.file.size;
    const counters = { received: size, durable: size, validated: size };
    this.#change({ ...counters, state: 'completed', document, duplicate: true });
    return { document, duplicate: true, sessionId: '' };
  }

  /**
   * Digest the whole file while it is sent. Compared at the end, it shows whether bytes were
   * sent of more than one version of the file, in this attempt or in an earlier one.
   */
  #beginDigest() {
    this.#digest ??= this.#context.digester.digest(/** @type {Blob} */ (this.file), this.#digesting.signal);
    this.#digest.catch(() => {}); // It is awaited, and its error reported, when all is sent.
  }

  /**
   * Cancel the upload. Returns only if it has become a document already.
   *
   * @param {string} reason
   * @param {AbortSignal} signal
   */
  async #giveUp(reason, signal) {
    this.#change({ state: 'cancelling', waiting: null });
    await cancelled(this.#context.sessions, this.sessionId, reason, signal, (task) => this.#retry(task, signal));
    this.#cancelling = null;
  }

  /**
   * Ask for completion until it is there.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<UploadResult>}
   */
  async #finish(signal) {
    const { documents, storage } = this.#context;
    this.#change({ state: 'finishing', speed: 0, remaining: null });
    const expectedHash = this.#digest ? await unlessAborted(this.#digest, signal) : undefined;
    const complete = () => this.#completed(signal, expectedHash);
    const { document, duplicate = false } = await this.#retry(complete, signal);
    await storage.delete(this.#opener.key);
    // A session that another client opened, or a document that was there, may not have been
    // asked to make it searchable.
    if (this.options.autoBuildIndex && document.index_status === 'none') {
      // The document is safe: that it cannot be searched yet is no failure of the upload.
      await documents.buildIndex(document.id).then(
        ({ index_status }) => Object.assign(document, { index_status }),
        () => {},
      );
    }
    const size = this.file.size;
    const counters = { received: size, durable: size, validated: size };
    this.#change({ ...counters, state: 'completed', document, duplicate });
    return { document, duplicate, sessionId: this.sessionId };
  }

  /**
   * @param {AbortSignal} signal
   * @param {string} [expectedHash]
   * @returns {Promise<import('./completion.js').Completed>}
   */
  #completed(signal, expectedHash) {
    const { sessions, pollInterval } = this.#context;
    this.#change({ waiting: null });
    const look = async () => {
      const session = await this.#retry(() => sessions.get(this.sessionId, { signal }), signal);
      this.#change({}, () => this.#progress.session(session));
      return session;
    };
    const woken = () => new Promise((wake) => (this.#wake = () => wake(0)));
    const pause = () => Promise.race([sleep(pollInterval, signal), woken()]);
    return completed(sessions, this.sessionId, { signal, expectedHash, look, pause });
  }

  /** @param {any} event */
  #received(event) {
    this.#change({}, () => this.#progress.event(event));
    const status = event.type === 'session' ? event.session.status : event.status;
    if (event.type !== 'session' && event.type !== 'upload_status') return;
    if (!BUSY.has(status)) this.#wake();
    if (this.ended) return;
    const message = event.message ?? event.session?.error?.message ?? '';
    const error = errorOfStatus(status, message);
    if (error) this.#abort(error);
  }

  /**
   * Find the cause of an error: a refused or cancelled upload shows itself in many ways.
   *
   * @param {unknown} error
   * @returns {Promise<unknown>}
   */
  async #explain(error) {
    const end = await this.#causeOf(error);
    const changed = end instanceof DigestMismatch && this.#digest !== null;
    return changed ? new FileChanged(undefined, { cause: end }) : end;
  }

  /**
   * @param {unknown} error
   * @returns {Promise<unknown>}
   */
  async #causeOf(error) {
    if (error instanceof UploadCancelled || !this.sessionId) return error;
    if (!mayHideAnEnd(error)) return error;
    try {
      const session = await this.#context.sessions.get(this.sessionId);
      this.#progress.session(session);
      return endOf(session) ?? error;
    } catch {
      return error;
    }
  }

  /** @param {unknown} error */
  async #failed(error) {
    const end = error instanceof Error ? error : new PdfsluiceError(String(error), { code: 'aborted' });
    if (isGone(end)) await this.#context.storage.delete(this.#opener.key);
    this.#progress.nothingSending();
    if (end instanceof ContentRejected && this.snapshot.findings.length === 0) {
      this.#progress.set({ findings: end.findings });
    }
    this.#change({ state: stateAfter(end), error: end, waiting: null });
  }

  /**
   * @template T
   * @param {() => Promise<T>} task
   * @param {AbortSignal} signal
   * @returns {Promise<T>}
   */
  async #retry(task, signal) {
    let waited = false;
    try {
      return await withRetry(task, {
        policy: this.#context.policy,
        signal,
        news: [(wake) => this.#context.channel.onLive(wake)],
        onWait: ({ delay, error }) => {
          if (!waited) this.#waits += 1;
          waited = true;
          const state = LASTING.has(this.snapshot.state) ? this.snapshot.state : 'waiting';
          this.#progress.nothingSending();
          this.#change({ state, waiting: { until: Date.now() + delay, error } });
        },
      });
    } finally {
      if (waited) this.#waits -= 1;
      const { state } = this.snapshot;
      if (waited && this.#waits === 0 && !signal.aborted) {
        this.#change({ state: state === 'waiting' ? 'uploading' : state, waiting: null });
      }
    }
  }

  /**
   * @param {Partial<UploadSnapshot>} change
   * @param {() => void} [fold]
   */
  #change(change, fold) {
    fold?.();
    this.#progress.set(change);
    for (const listener of this.#listeners) listener(this.snapshot);
  }
}
