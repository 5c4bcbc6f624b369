/** All uploads of the page in one line and one bar, for those who chose many files. */

import * as format from '../format.js';
import { h, setAttribute, setText } from '../dom.js';
import { t } from '../strings.js';

const REDRAW_INTERVAL = 250;
const ORDER = ['completed', 'uploading', 'waiting', 'paused', 'refused', 'failed', 'cancelled'];

export class BatchSummary {
  /** @type {Set<import('./upload-card.js').UploadCard>} */
  #cards = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    this.text = h('p', { class: 'numbers' });
    this.bar = h('progress', { max: 1, value: 0, 'aria-label': t.batch.label });
    this.element = h('div', { class: 'batch', hidden: true }, this.text, this.bar);
  }

  /** @param {import('./upload-card.js').UploadCard} card */
  add(card) {
    this.#cards.add(card);
    card.upload.onChange(() => this.#schedule());
    this.#schedule();
  }

  /** Forget cards that are no longer on the page. */
  tidy() {
    for (const card of this.#cards) if (!card.element.isConnected) this.#cards.delete(card);
    this.#schedule();
  }

  #schedule() {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
    }, REDRAW_INTERVAL);
  }

  #draw() {
    const cards = [...this.#cards].filter(({ element }) => element.isConnected);
    this.element.hidden = cards.length < 2;
    const counts = new Map();
    let [total, durable, speed] = [0, 0, 0];
    for (const card of cards) {
      counts.set(card.kind, (counts.get(card.kind) ?? 0) + 1);
      const { state, ...snapshot } = card.upload.snapshot;
      if (['rejected', 'failed', 'cancelled'].includes(state)) continue;
      total += snapshot.totalSize;
      durable += snapshot.durable;
      if (state === 'uploading') speed += snapshot.speed;
    }
    const share = total > 0 ? durable / total : 1;
    const parts = [t.batch.counts(cards.length, ORDER.filter((kind) => counts.has(kind)).map((kind) => [kind, counts.get(kind)]))];
    if (durable < total) {
      parts.push(t.batch.stored(format.bytes(durable), format.bytes(total)));
      if (speed > 0) parts.push(t.card.speed(format.bytes(speed)), t.card.left(format.duration((total - durable) / speed)));
    }
    setText(this.text, parts.join(' · '));
    setAttribute(this.bar, 'value', share.toFixed(4));
  }
}
