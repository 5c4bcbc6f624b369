/** How fast uploads and downloads may be, for administrators, and the form that changes it. */

import { ask } from '../dialogs.js';
import { button, h } from '../dom.js';
import * as format from '../format.js';
import { read, written } from './quota-limits.js';
import { t } from '../strings.js';

const NAMES = ['session', 'principal', 'server', 'download', 'principal_download', 'server_download'];

export class RatesSection {
  /** @param {any} app */
  constructor(app) {
    this.app = app;
    this.table = h('div', { class: 'table-scroll', tabIndex: 0, role: 'region', 'aria-label': t.rates.title });
    const change = button(t.rates.change, () => app.act(() => this.#change()));
    this.element = h('section', { hidden: true }, h('div', { class: 'list-head' }, h('h2', {}, t.rates.title), change), this.table);
  }

  /** @param {any} rates `null` for callers who may not see them. */
  show(rates) {
    this.element.hidden = rates === null;
    this.rates = rates;
    if (rates === null) return;
    const head = h('tr', {}, ...[t.rates.what, t.rates.limit, t.rates.origin].map((name) => h('th', { scope: 'col' }, name)));
    const rows = NAMES.map((name) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, t.rates.limits[name]),
        h('td', { class: 'numbers' }, rates[name] ? t.rates.perSecond(format.bytes(rates[name])) : t.quotas.noLimit),
        h('td', {}, rates.changed.includes(name) ? t.rates.changed : t.rates.settings),
      ),
    );
    this.table.replaceChildren(h('table', { class: 'rates' }, h('thead', {}, head), h('tbody', {}, ...rows)));
  }

  async #change() {
    const inputs = Object.fromEntries(NAMES.map((name) => [name, this.#field(name)]));
    const labels = NAMES.map((name) => h('label', { class: 'field' }, h('span', {}, t.rates.limits[name]), inputs[name]));
    let problem = '';
    do {
      const fields = [h('div', { class: 'limits' }, ...labels)];
      const sure = await ask({ title: t.rates.change, text: t.rates.help, submit: t.save, fields, problem });
      if (!sure) return;
      const limits = Object.fromEntries(NAMES.map((name) => [name, read('rate_bytes', inputs[name].value)]));
      const wrong = NAMES.find((name) => limits[name] === undefined);
      problem = wrong ? t.quotas.wrong(inputs[wrong].value, true) : await this.#set(limits);
    } while (problem);
    this.app.messages.show(t.rates.done);
  }

  /** Set limits; return why the server does not take them, if it does not. */
  async #set(limits) {
    try {
      this.show(await this.app.client.rates.set(limits));
      return '';
    } catch (error) {
      if (error.code === 'bad-request') return format.sentences(error.message, error.hint);
      throw error;
    }
  }

  #field(name) {
    const rate = this.rates.changed.includes(name) ? this.rates[name] : null;
    return h('input', { class: 'input', value: written('rate_bytes', rate), placeholder: t.rates.example, autocomplete: 'off' });
  }
}
