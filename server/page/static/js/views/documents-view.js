/** The list of documents. */

import { importEnded } from '/assets/client/index.js';
import * as format from '../format.js';
import { button, h, setText } from '../dom.js';
import { notice } from '../dialogs.js';
import { pageImage } from '../parts/page-image.js';
import { t } from '../strings.js';

const PAGE_SIZE = 30;
const MAX_PAGE_SIZE = 500;
/** Milliseconds between two looks at the list: while something is imported, and otherwise. */
const BUSY_REFRESH = 2000;
const IDLE_REFRESH = 5000;

/** @param {any} app */
export function documentsView(app) {
  const count = h('p', { class: 'numbers' });
  const body = h('div', {});
  const element = h(
    'div',
    {},
    h('div', { class: 'view-head' }, h('div', {}, h('h1', { tabIndex: -1 }, t.documents.title), count)),
    body,
  );

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let visible = false;

  /** Load the first documents; on the way back from one of them, as many as there were. */
  async function load({ back = false } = {}) {
    clearTimeout(timer);
    visible = true;
    const rows = back ? body.querySelectorAll('.row').length : 0;
    const limit = Math.min(Math.max(rows, PAGE_SIZE), MAX_PAGE_SIZE);
    try {
      const page = await app.withKey(() => app.client.documents.list({ limit }));
      render(page);
      follow(page);
    } catch (error) {
      body.replaceChildren(notice(error, () => load()));
    }
  }

  function render(page) {
    setText(count, page.total > 0 ? t.documents.count(page.total) : '');
    body.replaceChildren(page.total > 0 ? list(page) : empty());
  }

  /** Look again while the list is visible: imports end, and others add documents. */
  function follow(page) {
    if (!visible) return;
    const busy = page.documents.some((document) => !importEnded(document));
    const look = async () => {
      const fresh = await app.client.documents.list({ limit: PAGE_SIZE }).catch(() => page);
      if (!visible) return;
      update(fresh);
      follow(fresh);
    };
    timer = setTimeout(look, busy ? BUSY_REFRESH : IDLE_REFRESH);
  }

  /** Add and remove rows, and renew titles and chips; one of the other rows may have the focus. */
  function update(fresh) {
    const rows = body.querySelector('.rows');
    if (!rows || fresh.total === 0) return render(fresh);
    setText(count, t.documents.count(fresh.total));
    for (const document of fresh.documents) {
      const present = rows.querySelector(`[data-document="${document.id}"]`);
      if (present) {
        setText(present.querySelector('h2 a'), document.title);
        present.querySelector('.chips').replaceChildren(...chips(document));
      } else insert(rows, document);
    }
    removeAbsent(rows, fresh);
  }

  /** Add a row in the order of the list; what follows the last one is loaded by the button. */
  function insert(rows, document) {
    const older = [...rows.children].find((each) => Number(each.dataset.document) < document.id);
    if (older) older.before(row(app, document));
    else if (!body.querySelector('.more')) rows.append(row(app, document));
  }

  /** Remove rows of documents that were deleted or replaced; those after the first page stay. */
  function removeAbsent(rows, { documents, next }) {
    const ids = new Set(documents.map(({ id }) => id));
    const last = next === null ? 0 : documents.at(-1).id;
    for (const each of rows.querySelectorAll('.row')) {
      const id = Number(each.dataset.document);
      if (id > last && !ids.has(id)) each.remove();
    }
  }

  function list(first) {
    const rows = h('ul', { class: 'rows' }, ...first.documents.map((document) => row(app, document)));
    const holder = h('div', {}, rows);
    let { next } = first;
    const more = button(t.documents.more, () =>
      app.act(async () => {
        const page = await app.client.documents.list({ limit: PAGE_SIZE, after: next });
        rows.append(...page.documents.map((document) => row(app, document)));
        next = page.next;
        if (!next) more.parentElement.remove();
      }),
    );
    if (next) holder.append(h('div', { class: 'more' }, more));
    return holder;
  }

  function hide() {
    visible = false;
    clearTimeout(timer);
  }

  return { element, tab: 'documents', show: load, hide };
}

function empty() {
  return h(
    'div',
    { class: 'empty' },
    h('h2', {}, t.documents.empty),
    h('p', {}, t.documents.emptyText),
    h('a', { class: 'button primary', href: '#/upload' }, t.documents.toUpload),
  );
}

function row(app, document) {
  const facts = [
    document.page_count && t.documents.pages(document.page_count),
    format.bytes(document.file_size),
    format.day(document.created_at),
  ];
  return h(
    'li',
    { class: 'row', data: { document: document.id } },
    pageImage(app.client, document, 1, 60),
    h(
      'div',
      {},
      h('h2', {}, h('a', { href: `#/documents/${document.id}` }, document.title)),
      h('p', { class: 'numbers' }, facts.filter(Boolean).join(' · ')),
    ),
    h('div', { class: 'chips' }, ...chips(document)),
  );
}

/**
 * What is to be known of a document at a glance.
 *
 * @param {any} document
 * @returns {HTMLElement[]}
 */
export function chips({ decision, import_status, index_status, ocr_status }) {
  const words = t.documents.status;
  const busy = ['queued', 'running'];
  const isEmpty = index_status === 'skipped' && !busy.includes(ocr_status);
  const found = [];
  if (t.documents.decision[decision]) found.push(['warn', t.documents.decision[decision]]);
  if (import_status === 'queued') found.push(['busy', words.queued]);
  if (import_status === 'running') found.push(['busy', words.importing]);
  if (import_status === 'failed') found.push(['bad', words.importFailed]); // Its index is empty.
  else if (index_status === 'done') found.push(['good', words.indexed]);
  else if (isEmpty) found.push(['', words.noText]);
  else if (index_status === 'failed') found.push(['bad', words.indexFailed]);
  else if (busy.includes(index_status)) found.push(['busy', words.indexing]);
  if (busy.includes(ocr_status)) found.push(['busy', words.recognizing]);
  if (ocr_status === 'done' && !isEmpty) found.push(['', words.recognized]);
  if (ocr_status === 'failed') found.push(['bad', words.recognitionFailed]);
  return found.map(([tone, text]) => h('span', { class: 'chip', data: { tone } }, text));
}
