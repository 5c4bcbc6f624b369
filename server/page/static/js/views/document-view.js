/** One document: its pages, what is known of it, what was found in it, what can be done with it. */

import { FINGERPRINT, NotFound, importEnded } from '/assets/client/index.js';
import * as format from '../format.js';
import { ask, notice } from '../dialogs.js';
import { button, h, icon, setText } from '../dom.js';
import { accepted, findingsList, unscannedList, verdictBox } from '../parts/findings.js';
import { pageImage } from '../parts/page-image.js';
import { t } from '../strings.js';
import { chips } from './documents-view.js';

const REFRESH = 1500;
const MAX_HITS = 100;

/** @param {any} app */
export function documentView(app) {
  const body = h('div', {});
  const back = h('a', { class: 'back', href: '#/documents' }, icon('left'), t.documents.back);
  back.querySelector('svg').setAttribute('width', '16');
  const element = h('div', {}, back, body);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function show({ id, query }) {
    clearTimeout(timer);
    try {
      const document = await app.withKey(() => app.client.documents.get(Number(id)));
      const page = Math.max(1, Number(query.get('page')) || 1);
      app.setTitle(document.title);
      const pages = pageBrowser(document, page, query.get('q') ?? '');
      body.replaceChildren(h('article', { class: 'document' }, pages, details(document)));
      body.querySelector('h1').focus();
    } catch (error) {
      if (error instanceof NotFound) app.setTitle(t.documents.missing);
      body.replaceChildren(error instanceof NotFound ? missing() : notice(error, () => show({ id, query })));
    }
  }

  /** The pages, with what a query finds on them marked. */
  function pageBrowser(document, first, query) {
    /** @type {Map<number, any[]>} */
    const places = new Map();
    const pages = document.page_count ?? 0;
    let page = Math.min(first, pages || 1);
    const picture = h('div', {});
    const label = h('span', { class: 'numbers muted', role: 'status' });
    const step = (by) => {
      page += by;
      draw();
    };
    const previous = button('', () => step(-1), { kind: 'quiet', picture: 'left', 'aria-label': t.documents.previous });
    const next = button('', () => step(1), { kind: 'quiet', picture: 'right', 'aria-label': t.documents.next });
    const draw = () => {
      picture.replaceChildren(pageImage(app.client, document, page, 336, places.get(page)));
      setText(label, t.documents.pageOf(page, pages));
      previous.disabled = page <= 1;
      next.disabled = page >= pages;
    };
    draw();
    if (query) {
      find(document, query, places)
        .then(draw)
        .catch(() => {}); // The pages are there without marks.
    }
    const pager = pages > 0 && h('figcaption', { class: 'pager' }, previous, label, next);
    return h('figure', { class: 'document-page' }, picture, pager);
  }

  async function find(document, query, places) {
    const filter = { documents: [document.id] };
    for (const { page, place } of await app.client.search(query, { topK: MAX_HITS, filter })) {
      if (place) places.set(page, [...(places.get(page) ?? []), place]);
    }
  }

  function details(document) {
    const { findings, unscanned } = document;
    const status = h('div', { class: 'chips actions' }, ...chips(document));
    const title = h('h1', { tabIndex: -1 }, document.title);
    const buttons = actions(document, title, status);
    return h(
      'div',
      {},
      h('div', { class: 'document-head' }, title, status, buttons),
      h('section', {}, verdictBox(accepted(document))),
      versions(document),
      findings.length > 0 && h('section', {}, h('h2', {}, t.findings.title), findingsList(findings)),
      unscanned.length > 0 && h('section', {}, h('h2', {}, t.findings.unscannedTitle), unscannedList(unscanned)),
      h('section', {}, h('h2', {}, t.documents.about), facts(document)),
    );
  }

  /** All versions of a document that has several, each a link. */
  function versions(document) {
    const section = h('section', { hidden: true }, h('h2', {}, t.documents.versions.title));
    if (document.version === 1 && !document.replaced_by) return section;
    const list = h('ul', { class: 'versions' });
    if (document.replaced_by) section.append(h('p', { class: 'muted' }, t.documents.versions.replaced));
    section.append(list);
    app.client.documents.versions(document.id).then((every) => {
      const items = every.map(({ id, version, created_at, file_size }) => {
        const text = t.documents.versions.of(version, format.date(created_at), format.bytes(file_size));
        return h('li', {}, id === document.id ? h('strong', {}, text) : h('a', { href: `#/documents/${id}` }, text));
      });
      list.replaceChildren(...items);
      section.hidden = every.length < 2;
    }, () => {}); // The document is shown without them.
    return section;
  }

  /** Show the progress of the background work while the document is open. */
  function follow(document, status, indexLabel) {
    const look = async () => {
      if (!status.isConnected) return;
      const state = await app.client.documents.importStatus(document.id);
      const { import_status, index_status, ocr_status } = state;
      Object.assign(document, { import_status, index_status, ocr_status });
      const retry = (importer) =>
        app.act(async () => {
          Object.assign(document, await app.client.documents.retryImport(document.id, importer));
          app.messages.show(t.documents.importAgain(importer));
          follow(document, status, indexLabel);
        });
      const notes = telling(state).map((job) => jobNote(job, retry)).filter(Boolean);
      status.replaceChildren(...chips(document), ...notes);
      setText(indexLabel, indexText(document));
      if (isBusy(state)) next();
    };
    const next = (delay = REFRESH) => {
      timer = setTimeout(() => look().catch(() => next()), delay);
    };
    const failed = [document.import_status, document.index_status, document.ocr_status].includes('failed');
    if (failed || document.ocr_status === 'skipped') next(0); // The jobs know the reason.
    else if (isBusy(document)) next();
  }

  function actions(document, title, status) {
    const index = button(indexText(document), () =>
      app.act(async () => {
        const { index_status } = await app.client.documents.buildIndex(document.id);
        document.index_status = index_status;
        app.messages.show(t.documents.indexing);
        status.replaceChildren(...chips(document));
        follow(document, status, label);
      }),
    );
    index.hidden = Boolean(document.replaced_by); // Searches find the newest version alone.
    const label = index.querySelector('span');
    follow(document, status, label);
    return h(
      'div',
      { class: 'actions' },
      download(document),
      index,
      button(t.documents.rename, () => app.act(() => rename(document, title))),
      button(t.documents.delete, () => app.act(() => remove(document)), { kind: 'danger' }),
    );
  }

  /** A plain link if no key is needed: the browser then shows its own progress. */
  function download(document) {
    const text = t.documents.download;
    if (!app.client.apiKey) {
      const href = app.client.documents.fileUrl(document.id);
      return h('a', { class: 'button', href, download: document.filename }, icon('download'), text);
    }
    const save = async () => {
      const link = (await app.client.documents.link(document.id)).url;
      if (link) return h('a', { href: link, download: document.filename, rel: 'noreferrer' }).click();
      const blob = await (await app.client.documents.file(document.id)).blob();
      const url = URL.createObjectURL(blob);
      h('a', { href: url, download: document.filename }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    };
    return button(text, () => app.act(save), { picture: 'download' });
  }

  async function rename(document, title) {
    const input = h('input', { class: 'input', value: document.title, required: true, maxLength: 500 });
    const fields = [h('label', { class: 'field' }, h('span', {}, t.documents.newTitle), input)];
    let renamed;
    for (let problem = ''; !renamed; problem = t.documents.titleRefused) {
      if (!(await ask({ title: t.documents.renameTitle, submit: t.save, fields, problem }))) return;
      renamed = await app.client.documents.rename(document.id, input.value.trim()).catch((error) => {
        if (error.code !== 'bad-request') throw error;
      });
    }
    document.title = renamed.title;
    setText(title, renamed.title);
    app.setTitle(renamed.title);
    app.messages.show(t.documents.renamed);
  }

  async function remove(document) {
    const text = t.documents.deleteText(document.title);
    const submit = t.documents.delete;
    const all = h('input', { type: 'checkbox' });
    const several = document.version > 1 || document.replaced_by;
    const fields = several ? [h('label', { class: 'check' }, all, t.documents.versions.all)] : [];
    if (!(await ask({ title: t.documents.deleteTitle, text, submit, kind: 'danger', fields }))) return;
    await app.client.documents.delete(document.id, { allVersions: all.checked });
    app.messages.show(t.documents.deleted(document.title));
    location.hash = '#/documents';
  }

  return { element, tab: 'documents', show, hide: () => clearTimeout(timer) };
}

function missing() {
  const words = t.documents;
  return h('div', { class: 'empty' }, h('h1', { tabIndex: -1 }, words.missing), h('p', {}, words.missingText));
}

/** Whether work on a document is queued or running. */
function isBusy(state) {
  return !importEnded(state) || ['queued', 'running'].includes(state.ocr_status);
}

function indexText({ index_status }) {
  return index_status === 'done' ? t.documents.indexAgain : t.documents.index;
}

/** The latest job of each importer, and that of the index if it has a reason of its own. */
function telling({ import_status, jobs }) {
  const latest = [...new Map(jobs.map((job) => [`${job.kind} ${job.importer}`, job])).values()];
  return import_status === 'failed' ? latest.filter(({ kind }) => kind === 'import') : latest;
}

/** What a job is doing, when it is tried again, or why it failed or had nothing to do. */
function jobNote({ state, message, progress, importer, retry_at }, retry) {
  if (state === 'failed') {
    const reason = h('span', { class: 'problem' }, format.sentences(message));
    if (!importer) return reason;
    return h('span', {}, reason, ' ', button(t.documents.retryImport(importer), () => retry(importer)));
  }
  if (state === 'queued' && retry_at) {
    return h('span', { class: 'muted' }, t.documents.importWaits(importer, format.date(retry_at), message));
  }
  if (state === 'skipped') return h('span', { class: 'muted' }, format.sentences(message));
  if (state !== 'running') return null;
  return h('span', { class: 'muted numbers' }, `${message} ${format.percent(progress)}`);
}

function facts(document) {
  const words = t.documents.facts;
  const entries = [
    [words.filename, document.filename],
    [words.size, `${format.bytes(document.file_size)} (${document.file_size.toLocaleString('en')} B)`],
    [words.pages, document.page_count],
    [words.created, format.date(document.created_at)],
    ...Object.entries(document.metadata ?? {})
      .filter(([name]) => name !== FINGERPRINT)
      .map(([name, value]) => [metadataName(name), metadataValue(value)]),
    [words.sha256, document.sha256],
  ];
  const known = entries.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return h('dl', { class: 'facts' }, ...known.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, String(value))]));
}

/** The name of a field of the metadata in words: `xmp:CreatorTool` is “Creator tool”. */
function metadataName(name) {
  const own = name.replace(/^\w+:/, '');
  const known = t.documents.metadata[own.toLowerCase().replace(/[^a-z]/g, '')];
  if (known) return known;
  const words = own
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/[_\-.\s]+/g, ' ')
    .trim();
  return words ? words[0].toUpperCase() + words.slice(1).replace(/\b[A-Z](?=[a-z])/g, (letter) => letter.toLowerCase()) : name;
}

/** A date of a PDF (ISO 32000-2, 7.9.4) as a date; what has parts as a list. */
function metadataValue(value) {
  const text = Array.isArray(value) ? value.join(', ') : value !== null && typeof value === 'object' ? JSON.stringify(value) : value;
  const date = /^D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)|([+-]\d\d)'?(\d\d)?)?/.exec(String(text ?? ''));
  if (!date) return text;
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', , zone, zoneMinutes = '00'] = date;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}${zone ? `${zone}:${zoneMinutes}` : 'Z'}`;
  return Number.isNaN(Date.parse(iso)) ? text : format.date(iso);
}
