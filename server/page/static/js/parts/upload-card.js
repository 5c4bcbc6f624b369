/** One upload on the page: while it runs, its bar, counters and map; when it has ended, a line. */

import { importEnded } from '/assets/client/index.js';
import * as format from '../format.js';
import { button, h, setAttribute, setText } from '../dom.js';
import { ask, explain } from '../dialogs.js';
import { t } from '../strings.js';
import { ChunkMap } from './chunk-map.js';
import { accepted, findingsList, gravest, kindTitle, unscannedList, verdictLine } from './findings.js';
import { quarantineButtons, quarantineOf } from './quarantine.js';

const COUNTERS = ['received', 'durable', 'validated', 'imported'];
const TONES = {
  completed: 'good',
  rejected: 'bad',
  failed: 'bad',
  importFailed: 'bad',
  waiting: 'warn',
  offline: 'warn',
  paused: 'warn',
  cancelled: '',
  cancelling: 'warn',
};

export class UploadCard {
  #scheduled = false;
  #verdictKey = '';
  #announced = '';
  #queued = false;
  /** Whether the name has the focus only because no button is visible. */
  #focusOnName = false;
  /** Why the import failed. */
  #importProblem = '';

  /**
   * @param {any} app
   * @param {import('/assets/client/index.js').Upload} upload
   * @param {{dismiss: () => void, again: () => void, released: () => void, ended: () => void}} actions
   */
  constructor(app, upload, actions) {
    this.app = app;
    this.upload = upload;
    this.actions = actions;
    this.map = new ChunkMap();
    this.element = this.#build();
    upload.onChange(() => this.#schedule());
    upload.done.then(() => this.#followImport()).catch(() => {});
    this.#render();
  }

  /** @param {boolean} queued Whether it waits for other uploads to end. */
  set queued(queued) {
    this.#queued = queued;
    this.#render();
  }

  /** What the summary of all uploads counts it as. */
  get kind() {
    const shown = this.#shown();
    if (shown === 'queued') return 'waiting';
    if (shown === 'rejected') return 'refused';
    if (shown === 'importFailed') return 'completed';
    return ['completed', 'importing', 'failed', 'cancelled', 'paused'].includes(shown)
      ? shown.replace('importing', 'completed')
      : 'uploading';
  }

  #shown() {
    const { snapshot } = this.upload;
    return this.#queued && snapshot.state === 'paused' ? 'queued' : shownState(snapshot);
  }

  #build() {
    const { filename } = this.upload.snapshot;
    this.chip = h('span', { class: 'chip' });
    this.line = h('span', { class: 'numbers' });
    this.pause = button(t.card.pause, () => this.upload.pause(), { picture: 'pause' });
    this.resume = button(t.card.resume, () => this.upload.resume(), { picture: 'play', kind: 'primary' });
    this.retry = button(t.card.now, () => this.upload.resume());
    this.cancel = button(t.card.cancel, () => this.#cancel(), { kind: 'quiet', picture: 'close' });
    this.again = button(t.card.again, () => this.actions.again());
    this.open = h('a', { class: 'button', hidden: true }, t.card.open);
    this.offers = h('div', { class: 'actions', hidden: true });
    this.details = button(t.card.details, () => this.#toggle(), { kind: 'quiet', 'aria-expanded': 'false' });
    this.dismiss = dismissButton(() => this.actions.dismiss());
    this.bar = h(
      'div',
      { class: 'bar', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-label': t.card.barLabel(filename) },
      ...COUNTERS.map((stage) => h('i', { data: { stage } })),
    );
    this.values = Object.fromEntries(COUNTERS.map((stage) => [stage, h('dd')]));
    this.summary = h('div', { class: 'card-summary', hidden: true });
    this.findings = h('div', { class: 'card-findings', hidden: true });
    this.name = h('h3', { class: 'card-name', title: filename, tabIndex: -1 }, filename);
    const { pause, resume, retry, again, cancel, open, offers, details, dismiss } = this;
    return h(
      'li',
      { class: 'card', data: { open: false } },
      h(
        'div',
        { class: 'card-head' },
        h('div', { class: 'card-title' }, this.name, h('div', { class: 'card-line' }, this.chip, this.line), this.summary),
        h('div', { class: 'actions' }, pause, resume, retry, again, cancel, open, offers, details, dismiss),
      ),
      this.bar,
      h(
        'dl',
        { class: 'counters' },
        ...COUNTERS.map((stage) => h('div', {}, h('dt', { data: { stage } }, t.card.counters[stage]), this.values[stage])),
      ),
      this.map.element,
      this.findings,
    );
  }

  #toggle() {
    const open = this.element.dataset.open !== 'true';
    this.element.dataset.open = open;
    setAttribute(this.details, 'aria-expanded', open);
  }

  async #followImport() {
    const { jobs } = await this.upload.followImport();
    this.#importProblem = jobs.find(({ state }) => state === 'failed')?.message ?? '';
    this.#render();
  }

  /** At most one drawing for each frame, however many events come. */
  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Hidden tabs draw no frames; a timer keeps what screen readers and tests see up to date.
    const draw = () => {
      this.#scheduled = false;
      this.#render();
    };
    if (document.hidden) setTimeout(draw, 500);
    else requestAnimationFrame(draw);
  }

  #render() {
    const { snapshot } = this.upload;
    const { state, totalSize } = snapshot;
    this.element.dataset.state = state;
    const shown = this.#shown();
    this.element.dataset.queued = shown === 'queued';
    setText(this.chip, t.card.states[shown]);
    this.chip.dataset.tone = TONES[shown] ?? 'busy';
    setText(this.line, this.#details(snapshot, shown));
    this.#buttons(snapshot);
    const shares = { imported: snapshot.imported };
    for (const stage of ['received', 'durable', 'validated']) shares[stage] = snapshot[stage] / totalSize;
    for (const [index, stage] of COUNTERS.entries()) {
      this.bar.children[index].style.setProperty('--share', shares[stage].toFixed(4));
      setText(this.values[stage], stage === 'imported' ? format.percent(shares.imported) : format.bytes(snapshot[stage]));
    }
    setAttribute(this.bar, 'aria-valuenow', Math.floor(shares.durable * 100));
    setAttribute(this.bar, 'aria-valuetext', t.card.barText(format.percent(shares.durable), t.card.states[shown]));
    this.map.update(snapshot);
    this.#showVerdict(snapshot);
    this.#announce(snapshot, shown);
    if (this.upload.ended && !this.element.dataset.ended) {
      this.element.dataset.ended = true;
      this.actions.ended();
    }
  }

  #details(snapshot, shown) {
    const { state, waiting, speed, remaining, totalSize, resumed, durable, imported } = snapshot;
    const parts = [format.bytes(totalSize)];
    if (shown === 'importing') parts.push(format.percent(imported));
    if (state === 'uploading') {
      if (speed > 0) parts.push(t.card.speed(format.bytes(speed)));
      if (remaining !== null && durable < totalSize) parts.push(t.card.left(format.duration(remaining)));
      if (resumed) parts.push(t.card.resumed);
    }
    if (waiting) {
      const seconds = Math.max(1, (waiting.until - Date.now()) / 1000);
      parts.push(t.card.nextTry(format.fromNow(seconds)));
      if (waiting.error.code !== 'network-error') parts.push(explain(waiting.error));
    }
    return parts.join(' · ');
  }

  #buttons({ state, waiting, error }) {
    const { ended } = this.upload;
    const held = this.element.contains(document.activeElement) ? document.activeElement : null;
    this.pause.hidden = !['preparing', 'uploading', 'waiting'].includes(state);
    this.resume.hidden = state !== 'paused' || this.#queued;
    this.retry.hidden = !waiting || state === 'paused';
    this.cancel.hidden = ended || state === 'cancelling';
    this.dismiss.hidden = !ended;
    this.details.hidden = !ended || !this.#hasDetails();
    this.again.hidden = state !== 'failed' || error?.code === 'already-uploading';
    // The keyboard focus stays on the card when the button that was pressed is gone.
    if (!held?.hidden && !(this.#focusOnName && held === this.name)) return;
    const next = this.element.querySelector('.card-head button:not([hidden])');
    this.#focusOnName = !next;
    (next ?? this.name).focus();
  }

  /** A refusal has them in any case: its bar shows how far the file came. */
  #hasDetails() {
    const { state } = this.upload.snapshot;
    return state === 'rejected' || (state !== 'cancelled' && this.findings.childElementCount > 0);
  }

  #showVerdict(snapshot) {
    const { state, findings, unscanned, document, error, quarantined, waiting } = snapshot;
    const waits = waiting !== null;
    const counts = [findings.length, unscanned.length, document?.page_count, document?.import_status];
    const key = JSON.stringify([state, waits, quarantined, ...counts, error?.message, this.#importProblem]);
    if (key === this.#verdictKey) return;
    this.#verdictKey = key;
    const lines = verdicts(snapshot, this.#importProblem).map(verdictLine);
    this.summary.replaceChildren(...lines);
    this.summary.hidden = lines.length === 0;
    const worth = document?.findings ?? findings;
    const missed = document?.unscanned ?? unscanned;
    this.findings.replaceChildren(
      ...(worth.length > 0 ? [findingsList(worth)] : []),
      ...(missed.length > 0 && this.upload.ended ? [unscannedList(missed)] : []),
    );
    this.findings.hidden = this.findings.childElementCount === 0;
    this.details.hidden = !this.upload.ended || !this.#hasDetails();
    this.open.hidden = state !== 'completed';
    if (document) this.open.href = `#/documents/${document.id}`;
    if (quarantined && state === 'rejected') this.#offer(snapshot).catch(() => {}); // Only an offer.
  }

  /** Releasing and deleting; shown only to those who may. */
  async #offer({ sessionId }) {
    const kept = await quarantineOf(this.app);
    const upload = kept?.find(({ session_id }) => session_id === sessionId);
    if (!upload) return;
    const { released, dismiss: deleted } = this.actions;
    this.offers.replaceChildren(...quarantineButtons(this.app, upload, { released, deleted }));
    this.offers.hidden = false;
  }

  #announce({ filename }, shown) {
    if (shown === this.#announced) return;
    this.#announced = shown;
    const say = t.card.announce[shown];
    if (say && !this.#queued) this.app.messages.say(say(filename));
  }

  /** Ask before anything is lost that was sent. */
  async #cancel() {
    const { filename, sessionId } = this.upload.snapshot;
    if (sessionId) {
      const { title, text, submit, keep } = t.card.cancelling;
      const sure = await ask({ title: title(filename), text, submit, dismiss: keep, kind: 'danger' });
      if (!sure || this.upload.ended) return;
    }
    this.upload.cancel().catch((error) => this.app.messages.show(explain(error)));
  }
}

/**
 * A file that was not even begun with: why, in a line.
 *
 * @param {string} filename
 * @param {string} why
 * @param {() => void} dismiss
 * @returns {HTMLElement}
 */
export function notTakenCard(filename, why, dismiss) {
  const chip = h('span', { class: 'chip', data: { tone: 'bad' } }, t.upload.notTaken.chip);
  const name = h('h3', { class: 'card-name', title: filename }, filename);
  const summary = verdictLine({ tone: 'bad', picture: 'stop', title: '', text: why });
  const title = h('div', { class: 'card-title' }, name, h('div', { class: 'card-line' }, chip), h('div', { class: 'card-summary' }, summary));
  const head = h('div', { class: 'card-head' }, title, h('div', { class: 'actions' }, dismissButton(dismiss)));
  return h('li', { class: 'card', data: { state: 'failed', ended: true } }, head);
}

function dismissButton(dismiss) {
  return button('', dismiss, { kind: 'quiet dismiss', picture: 'close', title: t.card.dismiss, 'aria-label': t.card.dismiss });
}

/** @param {import('/assets/client/types.js').UploadSnapshot} snapshot */
function shownState({ state, waiting, document, duplicate }) {
  const waits = state === 'waiting' || (state === 'finishing' && waiting);
  if (waits) return navigator.onLine === false ? 'offline' : 'waiting';
  if (state !== 'completed' || duplicate) return state;
  if (!importEnded(document)) return 'importing';
  return document.import_status === 'failed' ? 'importFailed' : state;
}

/**
 * The verdicts on an upload, in lines.
 *
 * @param {import('/assets/client/types.js').UploadSnapshot} snapshot
 * @param {string} importProblem
 * @returns {import('./findings.js').Verdict[]}
 */
function verdicts(snapshot, importProblem) {
  const { state, document, duplicate, waiting, error } = snapshot;
  const words = t.verdict;
  switch (state) {
    case 'completed':
      if (duplicate) return [{ tone: '', picture: 'info', title: words.duplicate, text: words.duplicateText(document.title) }];
      if (document.import_status !== 'failed') return [accepted(document)];
      return [
        accepted(document),
        { tone: 'bad', picture: 'stop', title: words.importFailed, text: format.sentences(importProblem) },
      ];
    case 'rejected':
      return [refusal(snapshot)];
    case 'cancelling':
      return waiting ? [{ tone: 'warn', picture: 'info', title: '', text: words.cancellingText }] : [];
    case 'cancelled':
      return [{ tone: '', picture: 'close', title: '', text: words.cancelledText }];
    case 'failed':
      return [{ tone: 'bad', picture: 'stop', title: '', text: explain(error) }];
    default:
      return [];
  }
}

/** @param {import('/assets/client/types.js').UploadSnapshot} snapshot */
function refusal({ durable, totalSize, quarantined, findings }) {
  const words = t.verdict;
  const [first] = gravest(findings);
  const why = first && [kindTitle(first.kind), t.findings.triggers[first.trigger]].filter(Boolean).join(', ');
  const far = durable < totalSize && words.refusedArrivingText(format.bytes(durable), format.bytes(totalSize));
  const text = format.sentences(far, quarantined ? words.quarantined : words.deleted);
  return { tone: 'bad', picture: 'refuse', title: why || words.refused, text };
}
