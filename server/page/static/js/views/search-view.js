/** Search over all documents. */

import { h } from '../dom.js';
import { notice } from '../dialogs.js';
import { hasWord, highlighted } from '../parts/highlight.js';
import { pageImage } from '../parts/page-image.js';
import { t } from '../strings.js';

const TOP = 20;

/** @param {any} app */
export function searchView(app) {
  const input = h('input', {
    class: 'input',
    type: 'search',
    required: true,
    maxLength: 2000,
    placeholder: t.search.placeholder,
    'aria-label': t.search.label,
  });
  const form = h(
    'form',
    { class: 'search-form', role: 'search' },
    input,
    h('button', { class: 'button primary' }, t.search.submit),
  );
  const results = h('div', { class: 'hits' });
  const head = h('div', {}, h('h1', { tabIndex: -1 }, t.search.title), h('p', {}, t.search.lead));
  const element = h('div', {}, h('div', { class: 'view-head' }, head), form, results);
  let asked = new AbortController();

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const target = `#/search?${new URLSearchParams({ q: input.value.trim() })}`;
    if (location.hash === target) run(input.value.trim());
    else location.hash = target; // Results have an address: back and forward work.
  });

  async function run(query) {
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    results.setAttribute('aria-busy', 'true');
    try {
      const passages = await app.withKey(() => app.client.search(query, { topK: TOP, signal }));
      results.replaceChildren(...draw(query, passages));
    } catch (error) {
      if (!signal.aborted) results.replaceChildren(notice(error, () => run(query)));
    } finally {
      results.removeAttribute('aria-busy');
    }
  }

  function draw(query, passages) {
    if (passages.length === 0) {
      app.messages.say(t.search.none);
      return [h('div', { class: 'empty' }, h('h2', {}, t.search.none), h('p', {}, t.search.noneText))];
    }
    const exact = passages.some(({ title, text }) => hasWord(`${title} ${text}`, query));
    const summary = exact ? t.search.results(passages.length, query) : t.search.nearest(query);
    app.messages.say(summary);
    const hits = passages.map((passage) => hit(query, passage));
    return [h('p', { class: 'muted numbers' }, summary), h('ol', {}, ...hits)];
  }

  function hit(query, { document_id: id, title, page, text }) {
    const href = `#/documents/${id}?page=${page}`;
    return h(
      'li',
      { class: 'hit' },
      h('a', { href, tabIndex: -1, 'aria-hidden': 'true' }, pageImage(app.client, { id, title }, page, 112)),
      h(
        'div',
        {},
        h('h2', {}, h('a', { href }, title)),
        h('p', { class: 'hit-page numbers' }, t.search.page(page)),
        h('blockquote', {}, ...highlighted(text, query)),
      ),
    );
  }

  /** If no document can be searched, explain how to change that. */
  async function invite() {
    const { total } = await app.client.documents.list({ limit: 1 });
    if (total > 0 || results.childElementCount > 0) return;
    const toUpload = h('a', { class: 'button primary', href: '#/upload' }, t.documents.toUpload);
    results.replaceChildren(
      h('div', { class: 'empty' }, h('h2', {}, t.search.nothing), h('p', {}, t.search.nothingText), toUpload),
    );
  }

  return {
    element,
    tab: 'search',
    show({ query }) {
      const wanted = query.get('q') ?? '';
      input.value = wanted;
      if (wanted) {
        app.setTitle(t.search.titleOf(wanted));
        run(wanted);
      } else {
        asked.abort();
        results.replaceChildren();
        invite().catch(() => {}); // Only an invitation.
      }
      setTimeout(() => input.focus());
    },
    hide: () => asked.abort(),
  };
}
