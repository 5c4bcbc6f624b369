/** Folds answers and events of the server into one picture of an upload. */

import { importEnded } from './api.js';
import { SpeedMeter } from './speed.js';
import { ChunkState } from './types.js';

/** @typedef {import('./types.js').UploadSnapshot} UploadSnapshot */
/** @typedef {import('./types.js').UploadSession} UploadSession */

export class UploadProgress {
  #meter = new SpeedMeter();
  /** Where the pieces begin that are on their way. @type {Set<number>} */
  #underWay = new Set();
  /** Half-open ranges that the server lacks, ascending. @type {[number, number][]} */
  missing = [];
  /** Content codings that the server accepts. @type {string[]} */
  codings = [];

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
    this.missing = session.missing_ranges;
    this.codings = session.chunk_codings ?? [];
    this.set({
      sessionId: session.session_id,
      chunkSize: session.chunk_size,
      stage: session.stage,
      decision: session.decision,
      quarantined: session.quarantined ?? false,
      findings: session.findings,
      unscanned: session.unscanned,
      document: session.document ?? this.snapshot.document,
    });
    this.#map();
    this.#counters({
      received: session.received_bytes,
      durable: session.durable_bytes,
      validated: session.validated_bytes,
    });
  }

  /** @param {any} event An event of this session from the server. */
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

  /** @param {number} start Where a piece begins that is on its way now. */
  sending(start) {
    this.#underWay.add(start);
    this.#map();
  }

  /**
   * A piece has arrived.
   *
   * @param {number} start
   * @param {number} end
   */
  stored(start, end) {
    this.missing = this.missing.flatMap((range) => without(range, start, end));
    this.#underWay.delete(start);
    this.#map();
    const lacking = this.missing.reduce((sum, [from, to]) => sum + to - from, 0);
    this.#counters({ durable: this.snapshot.totalSize - lacking });
  }

  /** Nothing is on its way any more. */
  nothingSending() {
    this.#underWay.clear();
    this.#map();
    this.#meter.reset();
    this.set({ speed: 0, remaining: null });
  }

  /** Draw the map of the chunks again. */
  #map() {
    const { chunkSize, totalSize } = this.snapshot;
    if (chunkSize === 0) return;
    const chunks = new Uint8Array(Math.ceil(totalSize / chunkSize)).fill(ChunkState.durable);
    for (const [start, end] of this.missing) {
      chunks.fill(ChunkState.missing, Math.floor(start / chunkSize), Math.ceil(end / chunkSize));
    }
    for (const start of this.#underWay) {
      const chunk = Math.floor(start / chunkSize);
      if (chunks[chunk] === ChunkState.missing) chunks[chunk] = ChunkState.sending;
    }
    this.set({ chunks });
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

/**
 * @param {[number, number]} range
 * @param {number} start
 * @param {number} end
 * @returns {[number, number][]} What is left of the range.
 */
function without([from, to], start, end) {
  /** @type {[number, number][]} */
  const sides = [[from, Math.min(to, start)], [Math.max(from, end), to]];
  return sides.filter(([first, last]) => first < last);
}

/** @param {import('./types.js').Finding} finding */
function identity(finding) {
  return [finding.kind, finding.stage, finding.offset, finding.object, finding.trigger].join('|');
}
