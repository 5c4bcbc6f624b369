/** Folds answers and events of the server into one picture of an upload. */

import { importEnded } from './api.js';
import { SpeedMeter } from './speed.js';
import { ChunkState } from './types.js';

/** @typedef {import('./types.js').UploadSnapshot} UploadSnapshot */
/** @typedef {import('./types.js').UploadSession} UploadSession */

export class UploadProgress {
  #meter = new SpeedMeter();

  /**
   * @param {string} filename
   * @param {number} totalSize
   */
  constructor(filename, totalSize) {
    /** @type {UploadSnapshot} */
    this.snapshot = {
      state: 'preparing',
      sessionId: '',
      filename,
      totalSize,
      resumed: false,
      received: 0,
      durable: 0,
      validated: 0,
      imported: 0,
      stage: '',
      message: '',
      speed: 0,
      remaining: null,
      chunkSize: 0,
      chunks: new Uint8Array(0),
      waiting: null,
      decision: 'note',
      quarantined: false,
      findings: [],
      unscanned: [],
      document: null,
      duplicate: false,
      error: null,
    };
  }

  /** @param {Partial<UploadSnapshot>} change */
  set(change) {
    this.snapshot = { ...this.snapshot, ...change };
  }

  /** @param {UploadSession} session A full picture from the server. */
  session(session) {
    const { chunk_size: chunkSize, total_chunks: total } = session;
    const chunks = new Uint8Array(total).fill(ChunkState.durable);
    for (const id of session.missing_chunks) {
      const sending = this.snapshot.chunks[id] === ChunkState.sending;
      chunks[id] = sending ? ChunkState.sending : ChunkState.missing;
    }
    this.set({
      sessionId: session.session_id,
      chunkSize,
      chunks,
      stage: session.stage,
      decision: session.decision,
      quarantined: session.quarantined ?? false,
      findings: session.findings,
      unscanned: session.unscanned,
      document: session.document ?? this.snapshot.document,
    });
    this.#counters({
      received: session.received_bytes,
      durable: session.durable_bytes,
      validated: session.validated_bytes,
    });
  }

  /** @param {any} event Something that the server told of this session. */
  event(event) {
    if (event.type === 'session') this.session(event.session);
    if (event.type === 'upload_progress') {
      const { data } = event;
      this.set({ stage: data.stage ?? data.status, message: data.message ?? '' });
      this.#counters({
        received: data.received_bytes ?? data.uploaded_bytes,
        durable: data.durable_bytes ?? data.uploaded_bytes,
        validated: data.validated_bytes,
      });
    }
    if (event.type === 'upload_status') {
      this.set({ stage: event.stage ?? event.status, message: event.message ?? '' });
    }
    if (event.type === 'import') this.#import(event.status);
    if (event.type === 'findings') this.#findings(event.findings);
  }

  /** @param {number} id */
  chunkSending(id) {
    this.#chunk(id, ChunkState.sending);
  }

  /** @param {number} id */
  chunkDurable(id) {
    const known = this.snapshot.chunks[id] === ChunkState.durable;
    this.#chunk(id, ChunkState.durable);
    if (!known) this.#counters({ durable: this.#durableBytes() });
  }

  /** Nothing is on its way any more. */
  nothingSending() {
    const chunks = this.snapshot.chunks.map((state) =>
      state === ChunkState.sending ? ChunkState.missing : state,
    );
    this.#meter.reset();
    this.set({ chunks, speed: 0, remaining: null });
  }

  /**
   * @param {number} id
   * @param {number} state
   */
  #chunk(id, state) {
    const chunks = this.snapshot.chunks.slice();
    chunks[id] = state;
    this.set({ chunks });
  }

  #durableBytes() {
    const { chunks, chunkSize, totalSize } = this.snapshot;
    const whole = chunks.reduce((sum, state) => sum + (state === ChunkState.durable ? 1 : 0), 0);
    const last = chunks.length - 1;
    const lastIsDurable = chunks[last] === ChunkState.durable;
    return whole * chunkSize - (lastIsDurable ? chunks.length * chunkSize - totalSize : 0);
  }

  /**
   * Counters never run back, whichever way the news came: an answer to a chunk may
   * overtake an event about an earlier one.
   *
   * @param {{received?: number, durable?: number, validated?: number}} news
   */
  #counters({ received = 0, durable = 0, validated = 0 }) {
    const now = this.snapshot;
    const most = Math.max(now.durable, durable);
    const counters = {
      durable: most,
      received: Math.min(now.totalSize, Math.max(now.received, received, most)),
      validated: Math.max(now.validated, validated),
    };
    this.#meter.add(counters.received);
    const speed = this.#meter.bytesPerSecond;
    const left = now.totalSize - counters.durable;
    this.set({ ...counters, speed, remaining: speed > 0 ? left / speed : null });
  }

  /** @param {import('./types.js').ImportStatus} status */
  #import({ import_status, index_status, jobs }) {
    const done = jobs.reduce((sum, job) => sum + (job.state === 'done' ? 1 : job.progress), 0);
    const share = importEnded({ import_status, index_status }) ? 1 : done / Math.max(1, jobs.length);
    const { document, imported } = this.snapshot;
    this.set({
      imported: Math.max(imported, share),
      document: document && { ...document, import_status, index_status },
    });
  }

  /** @param {import('./types.js').Finding[]} findings */
  #findings(findings) {
    const known = new Set(this.snapshot.findings.map(identity));
    const fresh = findings.filter((finding) => !known.has(identity(finding)));
    if (fresh.length > 0) this.set({ findings: [...this.snapshot.findings, ...fresh] });
  }
}

/** @param {import('./types.js').Finding} finding */
function identity(finding) {
  return [finding.kind, finding.stage, finding.offset, finding.object, finding.trigger].join('|');
}
