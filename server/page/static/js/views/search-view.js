/** Search over all documents. */

import { button, h } from '../dom.js';
import { notice } from '../dialogs.js';
import { pageImage } from '../parts/page-image.js';
import { t } from '../strings.js';

const TOP = 20;
const DELAY = 400; // Milliseconds until the page shows that a search is under way.

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

  /** The query whose results are shown. */
  let answered = '';

  async function run(query) {
    asked.abort();
    answered = '';
    asked = new AbortController();
    const { signal } = asked;
    const waiting = setTimeout(() => {
      results.replaceChildren(h('p', { class: 'muted' }, t.search.searching));
      app.messages.say(t.search.searching);
    }, DELAY);
    try {
      const answer = await app.withKey(() => app.client.searchPage(query, { topK: TOP, signal }));
      results.replaceChildren(...draw(query, answer).filter(Boolean));
      answered = query;
    } catch (error) {
      if (!signal.aborted) results.replaceChildren(notice(error, () => run(query)));
    } finally {
      clearTimeout(waiting);
    }
  }

  function draw(query, answer) {
    if (answer.results.length === 0) {
      app.messages.say(t.search.none);
      return [h('div', { class: 'empty' }, h('h2', {}, t.search.none), h('p', {}, t.search.noneText))];
    }
    const exact = answer.results.some(({ match }) => match !== 'meaning');
    const summary = exact ? t.search.results(answer.results.length, query) : t.search.nearest(query);
    const list = h('ol', {}, ...grouped(query, answer));
    app.messages.say(summary);
    return [h('p', { class: 'muted numbers' }, summary), list, more(query, list, answer.next)];
  }

  /** The passages of a document stand together, under its title. */
  function grouped(query, { results: passages, documents }) {
    return documents.flatMap((found) =>
      found.results.map((number, order) => hit(query, passages[number], { isFirst: order === 0 })),
    );
  }

  function hit(query, { document_id: id, title, page, snippet, place, source }, { isFirst }) {
    const href = `#/documents/${id}?${new URLSearchParams({ page, q: query })}`;
    const marked = snippet.map((part) => (part.marked ? h('mark', {}, part.text) : part.text));
    const label = h('p', { class: 'hit-page numbers' }, t.search.page(page, place?.label));
    const picture = pageImage(app.client, { id, title }, page, 112, place ? [place] : []);
    return h(
      'li',
      { class: isFirst ? 'hit' : 'hit same' },
      h('a', { href, tabIndex: -1, 'aria-hidden': 'true' }, picture),
      h(
        'div',
        {},
        isFirst ? h('h2', {}, h('a', { href }, title)) : null,
        isFirst ? label : h('a', { href }, label),
        source === 'ocr' && h('span', { class: 'chip', title: t.search.ocrText }, t.search.ocr),
        h('blockquote', {}, ...marked),
      ),
    );
  }

  function more(query, list, next) {
    if (next === null) return null;
    const load = async () => {
      const answer = await app.client.searchPage(query, { topK: TOP, offset: next });
      list.append(...grouped(query, answer));
      shown.replaceWith(more(query, list, answer.next) ?? '');
    };
    const shown = button(t.search.more, () => app.act(load));
    return shown;
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
    /** The way back from a hit leads to the results as they were left. */
    async show({ query, back }) {
      const wanted = query.get('q') ?? '';
      input.value = wanted;
      if (wanted) app.setTitle(t.search.titleOf(wanted));
      if (wanted && back && wanted === answered) return;
      setTimeout(() => input.focus());
      if (wanted) {
        await run(wanted);
      } else {
        asked.abort();
        answered = '';
        results.replaceChildren();
        await invite().catch(() => {}); // Only an invitation.
      }
    },
    hide: () => asked.abort(),
  };
}
