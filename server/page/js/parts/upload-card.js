/** One upload on the page: its bar, counters, chunk map, verdict and buttons. */

import { importEnded } from '/assets/client/index.js';
import * as format from '../format.js';
import { button, h, setAttribute, setText } from '../dom.js';
import { explain } from '../dialogs.js';
import { t } from '../strings.js';
import { ChunkMap } from './chunk-map.js';
import { acceptedVerdict, findingsList, unscannedList, verdict } from './findings.js';
import { quarantineOf, releaseButton } from './quarantine.js';

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
  /** Whether the focus waits on the name for a button to appear. */
  #homeless = false;

  /**
   * @param {any} app
   * @param {import('/assets/client/index.js').Upload} upload
   * @param {{dismiss: () => void, again: () => void, released: () => void}} actions
   */
  constructor(app, upload, actions) {
    this.app = app;
    this.upload = upload;
    this.actions = actions;
    this.map = new ChunkMap();
    this.element = this.#build();
    upload.onChange(() => this.#schedule());
    upload.done.then(() => upload.followImport()).catch(() => {});
    this.#render();
  }

  /** @param {boolean} queued Whether it waits for other uploads to end. */
  set queued(queued) {
    this.#queued = queued;
    this.#render();
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
    this.dismiss = button(t.card.dismiss, () => this.actions.dismiss(), { kind: 'quiet', picture: 'close' });
    this.bar = h(
      'div',
      { class: 'bar', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-label': t.card.barLabel(filename) },
      ...COUNTERS.map((stage) => h('i', { data: { stage } })),
    );
    this.values = Object.fromEntries(COUNTERS.map((stage) => [stage, h('dd')]));
    this.verdict = h('div', { hidden: true });
    this.name = h('h3', { class: 'card-name', title: filename, tabIndex: -1 }, filename);
    return h(
      'li',
      { class: 'card' },
      h(
        'div',
        { class: 'card-head' },
        h('div', {}, this.name, h('div', { class: 'card-line' }, this.chip, this.line)),
        h('div', { class: 'actions' }, this.pause, this.resume, this.retry, this.again, this.cancel, this.dismiss),
      ),
      this.bar,
      h(
        'dl',
        { class: 'counters' },
        ...COUNTERS.map((stage) => h('div', {}, h('dt', { data: { stage } }, t.card.counters[stage]), this.values[stage])),
      ),
      this.map.element,
      this.verdict,
    );
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
    this.element.dataset.settled = settled(snapshot);
    const shown = this.#queued && state === 'paused' ? 'queued' : shownState(snapshot);
    setText(this.chip, t.card.states[shown]);
    this.chip.dataset.tone = TONES[shown] ?? 'busy';
    setText(this.line, this.#details(snapshot));
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
    if (state === 'completed' || snapshot.durable === totalSize) this.map.element.hidden = this.upload.ended;
    this.#showVerdict(snapshot);
    this.#announce(snapshot);
  }

  #details({ state, waiting, speed, remaining, totalSize, resumed, durable }) {
    const parts = [format.bytes(totalSize)];
    if (state === 'uploading') {
      if (speed > 0) parts.push(t.card.speed(format.bytes(speed)));
      if (remaining !== null && durable < totalSize) parts.push(t.card.left(format.duration(remaining)));
      if (resumed) parts.push(t.card.resumed);
    }
    if (waiting) {
      const seconds = Math.max(1, (waiting.until - Date.now()) / 1000);
      parts.push(t.card.nextTry(format.fromNow(seconds)));
      if (waiting.error.code !== 'network-error') parts.push(waiting.error.message);
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
    this.again.hidden = state !== 'failed' || error?.code === 'already-uploading';
    // Who uses the keyboard stays on the card when the button that was pressed is gone.
    if (!held?.hidden && !(this.#homeless && held === this.name)) return;
    const next = this.element.querySelector('.card-head button:not([hidden])');
    this.#homeless = !next;
    (next ?? this.name).focus();
  }

  #showVerdict(snapshot) {
    const { state, findings, unscanned, document, error, duplicate, quarantined, waiting } = snapshot;
    const waits = state === 'cancelling' && waiting !== null;
    const counts = [findings.length, unscanned.length, document?.page_count, document?.import_status];
    const key = JSON.stringify([state, waits, quarantined, ...counts, error?.message]);
    if (key === this.#verdictKey) return;
    this.#verdictKey = key;
    const content = [];
    if (state === 'completed') content.push(this.#accepted(document, duplicate));
    if (state === 'rejected') content.push(this.#refused(snapshot));
    if (waits) content.push(verdict('warn', 'info', t.verdict.cancelling, t.verdict.cancellingText));
    if (state === 'cancelled') content.push(verdict('', 'close', t.verdict.cancelled, t.verdict.cancelledText));
    if (state === 'failed') content.push(verdict('bad', 'stop', t.verdict.failed, explain(error)));
    const worth = state === 'completed' ? (document.findings ?? findings) : findings;
    if (worth.length > 0 && state !== 'cancelled') content.push(findingsList(worth));
    if (unscanned.length > 0 && this.upload.ended) content.push(unscannedList(unscanned));
    this.verdict.replaceChildren(...content);
    this.verdict.hidden = content.length === 0;
  }

  #accepted(document, duplicate) {
    const open = h('a', { class: 'button', href: `#/documents/${document.id}` }, t.card.open);
    const box = duplicate
      ? verdict('', 'info', t.verdict.duplicate, t.verdict.duplicateText(document.title))
      : acceptedVerdict(document);
    box.append(open);
    return box;
  }

  #refused(snapshot) {
    const box = refusal(snapshot);
    if (snapshot.quarantined) this.#offerRelease(box, snapshot).catch(() => {}); // Only an offer.
    return box;
  }

  /** Shown only to those who may. */
  async #offerRelease(box, { sessionId }) {
    const kept = await quarantineOf(this.app);
    const upload = kept?.find(({ session_id }) => session_id === sessionId);
    if (upload) box.append(releaseButton(this.app, upload, () => this.actions.released()));
  }

  #announce({ state, filename }) {
    if (state === this.#announced) return;
    this.#announced = state;
    const say = t.card.announce[state];
    if (say && !this.#queued) this.app.messages.say(say(filename));
  }

  #cancel() {
    this.upload.cancel().catch((error) => this.app.messages.show(explain(error)));
  }
}

/**
 * Whether there is nothing left to watch. A refusal keeps its bar: it shows how far the file came.
 *
 * @param {import('/assets/client/types.js').UploadSnapshot} snapshot
 */
function settled({ state, document }) {
  return state === 'cancelled' || (state === 'completed' && importEnded(document));
}

/** @param {import('/assets/client/types.js').UploadSnapshot} snapshot */
function shownState({ state, document, duplicate }) {
  if (state === 'waiting' && navigator.onLine === false) return 'offline';
  if (state !== 'completed' || duplicate) return state;
  if (!importEnded(document)) return 'importing';
  return document.import_status === 'failed' ? 'importFailed' : state;
}

/** @param {import('/assets/client/types.js').UploadSnapshot} snapshot */
function refusal({ durable, totalSize, quarantined }) {
  const words = t.verdict;
  const kept = quarantined ? words.quarantined : words.deleted;
  if (durable < totalSize) {
    const text = words.refusedArrivingText(format.bytes(durable), format.bytes(totalSize));
    return verdict('bad', 'refuse', words.refusedArriving, `${text} ${kept}`);
  }
  return verdict('bad', 'refuse', words.refused, `${words.refusedText} ${kept}`);
}
