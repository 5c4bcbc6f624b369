/** Starts the page: the client, the frame around the views, and which view is shown. */

import { AuthenticationError, StreamingUploadClient } from '/assets/client/index.js';
import { Messages, explain } from './dialogs.js';
import { button, h, setText } from './dom.js';
import { askForKey, storedKey } from './session-key.js';
import { t } from './strings.js';
import { analyticsView } from './views/analytics-view.js';
import { documentView } from './views/document-view.js';
import { documentsView } from './views/documents-view.js';
import { operationsView } from './views/operations-view.js';
import { quotasView } from './views/quotas-view.js';
import { searchView } from './views/search-view.js';
import { uploadView } from './views/upload-view.js';

/**
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {string} tab
 * @property {string} [title] Of the window; that of the tab if it has none of its own.
 * @property {(parameters: {id: string, query: URLSearchParams, back: boolean}) => Promise<void> | void} show
 * @property {() => void} [hide]
 */

const client = new StreamingUploadClient({
  baseUrl: new URL('../..', import.meta.url).href, // behind a proxy the server may have a path
  apiKey: storedKey(),
  retry: { giveUpAfter: Infinity },
});

const app = {
  client,
  messages: new Messages(),
  /** @param {string} subject What is shown; empty for the start. */
  setTitle(subject) {
    document.title = subject ? t.titleOf(subject) : t.name;
  },
  /** What the server allows; `null` until it has answered. @type {any} */
  info: null,
  /**
   * Run something that needs the server; a missing or wrong key is asked for, then it runs again.
   *
   * @template T
   * @param {() => Promise<T>} task
   * @returns {Promise<T>}
   */
  async withKey(task) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof AuthenticationError) || !(await keyOnce())) throw error;
      return task();
    }
  },
  /** Run something that a button began; what goes wrong is shown. */
  async act(task) {
    try {
      return await app.withKey(task);
    } catch (error) {
      app.messages.show(explain(error));
      return undefined;
    }
  },
};

/** If several requests lack a key, it is asked for once. @type {Promise<boolean> | null} */
let asking = null;
function keyOnce() {
  asking ??= askForKey(client).finally(() => {
    asking = null;
  });
  return asking;
}

/** @type {Record<string, View>} */
const views = {
  upload: uploadView(app),
  documents: documentsView(app),
  document: documentView(app),
  search: searchView(app),
  operations: operationsView(app),
  analytics: analyticsView(app),
  quotas: quotasView(app),
};

const tabs = Object.keys(t.tabs).map((name) => h('a', { href: `#/${name}`, data: { tab: name } }, t.tabs[name]));
const connection = h('span', { class: 'connection', data: { state: 'first' } }, t.connection.first);
const keyButton = button(t.key.change, () => app.act(keyOnce), { kind: 'quiet', picture: 'key', hidden: true });
const main = h('main', { id: 'main', tabIndex: -1 });

function frame() {
  const skip = h('a', { class: 'skip', href: '#main', onclick: focusMain }, t.skip);
  const brand = h('a', { class: 'brand', href: '#/upload' }, h('img', { src: '/assets/icon.svg', alt: '' }), t.name);
  const nav = h('nav', { class: 'tabs', 'aria-label': t.mainNavigation }, ...tabs);
  const side = h('div', { class: 'top-side' }, keyButton, connection);
  const top = h('header', { class: 'top' }, h('div', { class: 'top-inner' }, brand, nav, side));
  main.append(...Object.values(views).map((view) => view.element));
  document.body.replaceChildren(skip, top, main, app.messages.toasts, app.messages.spoken);
}

function focusMain(event) {
  event.preventDefault();
  main.focus();
}

/** @type {View | null} */
let current = null;

function navigate() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, id = ''] = path.split('/');
  const view = name === 'documents' && id ? views.document : (views[name] ?? views.upload);
  const first = current === null;
  if (current !== view) current?.hide?.();
  for (const each of Object.values(views)) each.element.hidden = each !== view;
  current = view;
  for (const tab of tabs) {
    if (tab.dataset.tab === view.tab) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
  app.setTitle(view === views.upload ? '' : (view.title ?? t.tabs[view.tab]));
  const left = history.state;
  const drawn = view.show({ id, query: new URLSearchParams(query), back: !first && left !== null });
  if (first) return;
  scrollTo(0, 0);
  view.element.querySelector('h1')?.focus();
  if (left !== null) restore(view, drawn, left);
}

/** Keep with the entry of the history where a link was followed, for the way back. */
function rememberLink(event) {
  const link = event.target.closest?.('a[href^="#/"]');
  if (!link) return;
  const { top } = link.getBoundingClientRect();
  history.replaceState({ scroll: scrollY, href: link.getAttribute('href'), top }, '');
}

/** Show a view as it was left: with the link at the same height, and the focus on it. */
async function restore(view, drawn, { scroll, href, top }) {
  const { hash } = location;
  await drawn;
  if (current !== view || location.hash !== hash) return;
  const links = [...view.element.querySelectorAll('a')];
  const link = links.find((each) => each.getAttribute('href') === href && each.tabIndex >= 0);
  if (!link) return scrollTo(0, scroll);
  link.focus({ preventScroll: true });
  scrollBy(0, link.getBoundingClientRect().top - top);
}

function showConnection() {
  const state = client.channel.live ? 'live' : client.channel.lockedOut ? 'locked' : 'away';
  connection.dataset.state = state;
  setText(connection, t.connection[state]);
}

client.channel.listen((event) => {
  if (event.type !== 'connection') return;
  showConnection();
  if (!app.info) learnLimits().catch(() => {}); // The header shows that the server cannot be reached.
});

async function learnLimits() {
  app.info = await client.info();
  keyButton.hidden = !app.info.authentication_required;
  views.upload.element.dispatchEvent(new Event('limits'));
  if (app.info.authentication_required && !client.apiKey) await keyOnce();
}

frame();
addEventListener('hashchange', navigate);
addEventListener('click', rememberLink, true);
navigate();
learnLimits().catch((error) => app.messages.show(explain(error)));
