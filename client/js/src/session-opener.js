/** Opens the session of an upload: a new one, or the unfinished one of the same file. */

import { STREAMING } from './api.js';
import { NotFound, PdfsluiceError, SessionEnded, SessionExpired, StateConflict } from './errors.js';
import { fingerprint } from './fingerprint.js';

/** @typedef {import('./types.js').UploadSession} UploadSession */
/** @typedef {<T>(task: () => Promise<T>) => Promise<T>} Retry */

/** The key under which the fingerprint travels in a session's metadata. */
export const FINGERPRINT = 'fingerprint';

export class SessionOpener {
  /** The id of the session, once it is known. */
  #sessionId = '';
  #fingerprint = '';
  /** The storage key of this upload. */
  key = '';

  /**
   * @param {import('./client.js').UploadContext} context
   * @param {import('./types.js').UploadSource} file
   * @param {import('./types.js').UploadOptions & {filename: string}} options
   */
  constructor(context, file, options) {
    this.context = context;
    this.file = file;
    this.options = options;
  }

  /**
   * @param {AbortSignal} signal
   * @param {Retry} retry
   * @returns {Promise<{session: UploadSession, resumed: boolean}>}
   * @throws {PdfsluiceError} `file-mismatch`: the session is of another file.
   */
  async open(signal, retry) {
    if (this.#sessionId) return this.#resume(this.#sessionId, signal, retry);
    this.#fingerprint = await fingerprint(this.file);
    const { replaces } = this.options;
    this.key = `${this.context.http.baseUrl} ${this.#fingerprint}${replaces ? ` ${replaces}` : ''}`;
    signal.throwIfAborted();
    if (this.options.sessionId) return this.#resume(this.options.sessionId, signal, retry);
    const known = await this.#known(signal, retry);
    if (known) {
      try {
        return await this.#resume(known, signal, retry);
      } catch (error) {
        // It ended meanwhile: the file is sent again.
        const gone = [NotFound, SessionEnded, SessionExpired, StateConflict];
        if (!gone.some((kind) => error instanceof kind)) throw error;
        await this.context.storage.delete(this.key);
      }
    }
    return this.#initiate(signal, retry);
  }

  /**
   * Look for an unfinished upload of the same content: here first, then on the server, which
   * also knows those of other devices.
   *
   * @param {AbortSignal} signal
   * @param {Retry} retry
   * @returns {Promise<string>} A session id, or nothing.
   */
  async #known(signal, retry) {
    const stored = await this.context.storage.get(this.key);
    if (stored) return stored.sessionId;
    const unfinished = await retry(() => this.context.sessions.resumable({ signal }));
    const same = unfinished.find(
      ({ total_size, metadata, replaces = null }) =>
        total_size === this.file.size &&
        metadata?.[FINGERPRINT] === this.#fingerprint &&
        replaces === (this.options.replaces ?? null),
    );
    return same?.session_id ?? '';
  }

  /**
   * @param {string} sessionId
   * @param {AbortSignal} signal
   * @param {Retry} retry
   */
  async #resume(sessionId, signal, retry) {
    const { context } = this;
    if (!this.#sessionId && context.isActive(sessionId)) {
      throw new PdfsluiceError('This file is being uploaded already.', { code: 'already-uploading' });
    }
    const json = { session_id: sessionId, client_id: context.clientId };
    /** @type {UploadSession} */
    const session = await retry(() => context.http.json('POST', `${STREAMING}/resume`, { json, signal }));
    this.#verify(session);
    await this.#remember(session);
    return { session, resumed: true };
  }

  /** @param {UploadSession} session */
  #verify({ total_size, metadata, filename }) {
    const announced = metadata?.[FINGERPRINT];
    if (total_size === this.file.size && (!announced || announced === this.#fingerprint)) return;
    throw new PdfsluiceError(`This is not the file that the upload of “${filename}” began with.`, {
      code: 'file-mismatch',
      hint: 'Choose the original file, or upload this one on its own.',
    });
  }

  /**
   * @param {AbortSignal} signal
   * @param {Retry} retry
   */
  async #initiate(signal, retry) {
    const { options, file, context } = this;
    // A new version is copied in part, so the whole of it has to be known.
    const digest = options.replaces && !options.expectedHash ? await context.digester.digest(file, signal) : undefined;
    const json = {
      filename: options.filename,
      file_size: file.size,
      chunk_size: options.chunkSize ?? context.chunkSize,
      client_id: context.clientId,
      title: options.title,
      check_duplicates: options.checkDuplicates ?? true,
      auto_build_index: options.autoBuildIndex ?? false,
      expected_hash: options.expectedHash ?? digest,
      replaces: options.replaces,
      encryption: options.encryption,
      metadata: { [FINGERPRINT]: this.#fingerprint },
    };
    const answer = await retry(() => context.http.json('POST', `${STREAMING}/initiate`, { json, signal }));
    const session = await retry(() => context.sessions.get(answer.session_id, { signal }));
    await this.#remember(session);
    return { session, resumed: false };
  }

  /** @param {UploadSession} session */
  async #remember(session) {
    this.#sessionId = session.session_id;
    await this.context.storage.set(this.key, {
      sessionId: session.session_id,
      filename: this.options.filename,
      size: this.file.size,
      savedAt: Date.now(),
    });
  }
}
