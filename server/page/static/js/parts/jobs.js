/** Background jobs of all documents: for administrators. */

import { AuthenticationError, PermissionDenied } from '/assets/client/index.js';
import * as format from '../format.js';
import { ask, notice } from '../dialogs.js';
import { button, h } from '../dom.js';
import { t } from '../strings.js';

const LIMIT = 20;
const STATES = ['failed', 'running', 'queued', 'cancelled', 'skipped', 'done'];
const KINDS = ['import', 'index', 'ocr'];
const OPEN = ['queued', 'running'];

/** The list of jobs, with a choice of their state; hidden from those who may not see it. */
export class JobsSection {
  #after = null;

  /** @param {any} app */
  constructor(app) {
    const words = t.jobs;
    this.app = app;
    this.state = choice(words.state, words.all, STATES, words.states, () => this.show());
    this.kind = choice(words.kind, words.allKinds, KINDS, words.kinds, () => this.show());
    this.count = h('p', { class: 'muted jobs-count' });
    this.list = h('ul', { class: 'kept' });
    this.more = button(words.more, () => app.act(() => this.#load()), { kind: 'quiet' });
    this.trouble = h('div', {});
    const choices = h('div', { class: 'actions' }, this.state, this.kind);
    const body = [choices, this.trouble, this.count, this.list, this.more];
    this.element = h('section', { hidden: true }, h('h2', {}, words.heading), ...body);
  }

  async show() {
    this.#after = null;
    try {
      await this.#load();
      this.element.hidden = false;
      this.trouble.replaceChildren();
    } catch (error) {
      if ([AuthenticationError, PermissionDenied].some((kind) => error instanceof kind)) {
        this.element.hidden = true;
        return;
      }
      this.trouble.replaceChildren(notice(error, () => this.show()));
    }
  }

  async #load() {
    const { jobs, total, next } = await this.app.client.jobs.list({
      state: this.state.value || undefined,
      kind: this.kind.value || undefined,
      after: this.#after ?? undefined,
      limit: LIMIT,
    });
    const items = jobs.map((job) => this.#item(job));
    if (this.#after === null) this.list.replaceChildren(...items);
    else this.list.append(...items);
    this.#after = next;
    this.more.hidden = next === null;
    this.count.textContent = t.jobs.count(total);
  }

  #item(job) {
    const words = t.jobs;
    const state = job.stopping ? words.stopping : words.states[job.state];
    const name = job.importer ? words.importer(job.importer) : words.kinds[job.kind];
    const share = job.state === 'running' ? ` ${Math.round(100 * job.progress)} %` : '';
    const detail = [`${name}: ${state}${share}`, words.attempts(job.attempts), job.owner].join(' · ');
    const open = OPEN.includes(job.state);
    const act = open
      ? button(words.cancel, () => this.app.act(() => this.#cancel(job)), { kind: 'quiet danger' })
      : button(words.retry, () => this.app.act(() => this.#retry(job)));
    return h(
      'li',
      {},
      h(
        'div',
        {},
        h('h3', { class: 'card-name' }, h('a', { href: `#/documents/${job.document_id}` }, job.document_title)),
        h('p', { class: 'numbers' }, detail),
        job.message ? h('p', {}, format.sentences(job.message)) : '',
      ),
      h('div', { class: 'actions' }, act),
    );
  }

  async #cancel(job) {
    const words = t.jobs;
    const sure = await ask({
      title: words.cancelTitle(job.document_title),
      text: words.cancelText,
      submit: words.cancel,
      dismiss: words.keep,
      kind: 'danger',
    });
    if (!sure) return;
    const { state, stopping } = await this.app.client.jobs.cancel(job.id);
    this.app.messages.show(stopping ? words.willStop : words.ended(words.states[state]));
    await this.show();
  }

  async #retry(job) {
    await this.app.client.jobs.retry(job.id);
    this.app.messages.show(t.jobs.retried(job.document_title));
    await this.show();
  }
}

function choice(label, all, values, words, onchange) {
  const options = values.map((value) => h('option', { value }, words[value]));
  return h('select', { class: 'input', 'aria-label': label, onchange }, h('option', { value: '' }, all), ...options);
}
