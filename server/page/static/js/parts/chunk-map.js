/** A map of the chunks of a file: missing, in flight, stored, checked. */

import { ChunkState } from '/assets/client/index.js';
import { h, setAttribute } from '../dom.js';
import { t } from '../strings.js';

const MOST_CELLS = 240;
const IN_A_ROW = 60;

export class ChunkMap {
  constructor() {
    this.element = h('div', { class: 'chunk-map', role: 'img' });
  }

  /** @param {import('/assets/client/types.js').UploadSnapshot} snapshot */
  update({ chunks, chunkSize, validated }) {
    this.element.hidden = chunks.length < 2;
    const cells = Math.min(chunks.length, MOST_CELLS);
    if (this.element.childElementCount !== cells) {
      this.element.replaceChildren(...Array.from({ length: cells }, () => h('span')));
      this.element.style.setProperty('--cells', String(Math.min(cells, IN_A_ROW)));
    }
    for (let cell = 0; cell < cells; cell += 1) {
      const first = Math.floor((cell * chunks.length) / cells);
      const last = Math.max(first + 1, Math.floor(((cell + 1) * chunks.length) / cells));
      const state = stateOf(chunks.subarray(first, last), last * chunkSize <= validated + chunkSize - 1);
      const span = this.element.children[cell];
      if (span.dataset.chunk !== state) span.dataset.chunk = state;
    }
    const durable = chunks.reduce((sum, state) => sum + (state === ChunkState.durable ? 1 : 0), 0);
    setAttribute(this.element, 'aria-label', t.card.map(durable, chunks.length));
  }
}

/**
 * Several chunks in one cell show the least of their states, and movement above all.
 *
 * @param {Uint8Array} chunks
 * @param {boolean} validated
 */
function stateOf(chunks, validated) {
  if (chunks.includes(ChunkState.sending)) return 'sending';
  if (chunks.includes(ChunkState.missing)) return 'missing';
  return validated ? 'validated' : 'durable';
}
