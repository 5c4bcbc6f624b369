/** What an account may use and what it uses; administrators see and change all of them, and rates. */

import { PermissionDenied } from '/assets/client/index.js';
import { notice } from '../dialogs.js';
import { button, h, setText } from '../dom.js';
import { AccountTable, changeLimits } from '../parts/accounts.js';
import { LIMITS, amount, counted } from '../parts/quota-limits.js';
import { RatesSection } from '../parts/rates.js';
import { t } from '../strings.js';

/** @param {any} app */
export function quotasView(app) {
  const words = t.quotas;
  const lead = h('p', {});
  const own = h('div', {});
  const table = new AccountTable(words.accounts, change);
  const add = button(words.add, () => change(null));
  const all = h('section', { hidden: true }, h('div', { class: 'list-head' }, h('h2', {}, words.accounts), add), table.element);
  const rates = new RatesSection(app);
  const element = h(
    'div',
    {},
    h('div', { class: 'view-head' }, h('div', {}, h('h1', { tabIndex: -1 }, words.title), lead)),
    h('div', { class: 'quotas' }, own, all, rates.element),
  );

  async function show() {
    try {
      const { client } = app;
      const requests = () => [client.quota(), unlessDenied(client.quotas()), unlessDenied(client.rates.get())];
      const [account, accounts, limits] = await app.withKey(() => Promise.all(requests()));
      setText(lead, words.lead(words.nameOf(account.account)));
      own.replaceChildren(usage(account));
      all.hidden = accounts === null;
      table.show(accounts ?? []);
      rates.show(limits);
    } catch (error) {
      all.hidden = true;
      rates.show(null);
      setText(lead, '');
      own.replaceChildren(notice(error, show));
    }
  }

  /** @param {any} account `null` to ask for its name as well. */
  function change(account) {
    return app.act(async () => {
      const name = await changeLimits(app.client, account);
      if (!name) return;
      app.messages.show(words.changed(words.nameOf(name)));
      await show();
    });
  }

  return { element, tab: 'operations', title: words.title, show };
}

/** What a request answers, or `null` for callers who may not see it. */
async function unlessDenied(request) {
  try {
    return await request;
  } catch (error) {
    if (error instanceof PermissionDenied) return null;
    throw error;
  }
}

function usage(account) {
  const rows = LIMITS.map((name) => {
    const [used, limit] = [counted(account.used, name), account.limits[name]];
    const text = limit === null ? amount(name, used) : t.quotas.of(amount(name, used), amount(name, limit));
    const label = t.quotas.limits[name];
    const share = limit === null ? 0 : limit === 0 ? 1 : Math.min(1, used / limit);
    const bar = limit !== null && h('progress', { max: 1, value: share, 'aria-label': label, data: { full: String(share >= 1) } });
    return h('div', {}, h('dt', {}, label), h('dd', {}, h('span', { class: 'numbers' }, text), bar));
  });
  return h('dl', { class: 'usage' }, ...rows);
}
