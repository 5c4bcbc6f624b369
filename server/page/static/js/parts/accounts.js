/** All accounts with their limits, for administrators, and the form that changes them. */

import { ask } from '../dialogs.js';
import { button, h } from '../dom.js';
import { sentences } from '../format.js';
import { LIMITS, amount, counted, isBytes, read, written } from './quota-limits.js';
import { t } from '../strings.js';

const DEFAULT = '*';

export class AccountTable {
  /**
   * @param {string} label
   * @param {(account: any) => void} change
   */
  constructor(label, change) {
    this.change = change;
    this.element = h('div', { class: 'table-scroll', tabIndex: 0, role: 'region', 'aria-label': label });
  }

  /** @param {any[]} accounts */
  show(accounts) {
    const others = accounts.filter(({ account }) => account !== DEFAULT);
    const none = Object.fromEntries(LIMITS.map((name) => [name, null]));
    const fallback = accounts.find(({ account }) => account === DEFAULT) ?? { account: DEFAULT, own_limits: none, limits: none };
    const names = [t.quotas.account, ...LIMITS.map((name) => t.quotas.short[name]), t.quotas.actions];
    const head = h('tr', {}, ...names.map((name) => h('th', { scope: 'col' }, name)));
    const rows = [fallback, ...others].map((account) => this.#row(account));
    this.element.replaceChildren(h('table', { class: 'accounts' }, h('thead', {}, head), h('tbody', {}, ...rows)));
  }

  #row(account) {
    const name = t.quotas.nameOf(account.account);
    const cells = LIMITS.map((limit) => h('td', { class: 'numbers' }, ...this.#texts(account, limit)));
    const edit = button(t.quotas.change, () => this.change(account), { kind: 'quiet', 'aria-label': t.quotas.changeOf(name) });
    return h('tr', {}, h('th', { scope: 'row' }, name), ...cells, h('td', {}, edit));
  }

  #texts(account, limit) {
    const most = account.limits[limit];
    const kind = account.own_limits[limit] === null ? 'muted' : '';
    if (account.account === DEFAULT) return [most === null ? t.quotas.noLimit : amount(limit, most)];
    const used = amount(limit, counted(account.used, limit));
    return most === null ? [used] : [used, ' ', h('span', { class: kind }, t.quotas.ofLimit(amount(limit, most)))];
  }
}

/**
 * Ask for the limits of an account until the server takes them.
 *
 * @param {any} client
 * @param {any} account `null` to ask for its name as well.
 * @returns {Promise<string>} The name of the account; empty if nothing was changed.
 */
export async function changeLimits(client, account) {
  const words = t.quotas;
  const name = h('input', { class: 'input', value: account?.account ?? '', required: true, placeholder: words.nameExample });
  const inputs = Object.fromEntries(LIMITS.map((limit) => [limit, field(limit, account)]));
  const fields = [
    account === null && labelled(words.account, name),
    h('div', { class: 'limits' }, ...LIMITS.map((limit) => labelled(words.limits[limit], inputs[limit]))),
  ];
  let problem = '';
  for (;;) {
    const title = account ? words.changeOf(words.nameOf(account.account)) : words.add;
    const sure = await ask({ title, text: words.help, submit: t.save, fields: fields.filter(Boolean), problem });
    if (!sure) return '';
    const limits = Object.fromEntries(LIMITS.map((limit) => [limit, read(limit, inputs[limit].value)]));
    const wrong = LIMITS.find((limit) => limits[limit] === undefined);
    const key = account?.account ?? name.value.trim();
    problem = wrong ? words.wrong(inputs[wrong].value, isBytes(wrong)) : await refusal(client, key, limits);
    if (!problem) return key;
  }
}

/** Set limits; return why the server does not take them, if it does not. */
async function refusal(client, account, limits) {
  try {
    await client.setQuota(account, limits);
    return '';
  } catch (error) {
    if (['bad-request', 'not-found'].includes(error.code)) return sentences(error.message, error.hint);
    throw error;
  }
}

function field(limit, account) {
  return h('input', {
    class: 'input',
    value: written(limit, account?.own_limits[limit] ?? null),
    placeholder: isBytes(limit) ? t.quotas.bytesExample : '',
    inputMode: isBytes(limit) ? 'text' : 'numeric',
    autocomplete: 'off',
  });
}

function labelled(label, input) {
  return h('label', { class: 'field' }, h('span', {}, label), input);
}
