/** What the checks saw in a file, and what it means. */

import * as format from '../format.js';
import { button, h, icon } from '../dom.js';
import { t } from '../strings.js';

const SHOWN = 6;
const ORDER = ['critical', 'high', 'medium', 'low', 'info'];
const TONES = { critical: 'bad', high: 'bad', medium: 'warn', low: '', info: '' };

/** @param {string} kind */
export function kindTitle(kind) {
  return t.findings.kinds[kind] ?? kind.replaceAll(/[_-]/g, ' ');
}

/** @param {any[]} findings */
export function worstFirst(findings) {
  return [...findings].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

/**
 * The reasons of a refusal: the gravest findings.
 *
 * @param {any[]} findings
 */
export function gravest(findings) {
  const [worst] = worstFirst(findings);
  return findings.filter(({ severity }) => severity === worst.severity);
}

/** Group rows that differ in their place only. */
function grouped(rows, same) {
  const groups = new Map();
  for (const row of rows) {
    const key = JSON.stringify(same(row));
    const group = groups.get(key) ?? { row, count: 0 };
    group.count += 1;
    groups.set(key, group);
  }
  return [...groups.values()];
}

/**
 * The findings of a file, worst first.
 *
 * @param {any[]} findings
 * @returns {HTMLElement}
 */
export function findingsList(findings) {
  const sorted = grouped(worstFirst(findings), ({ offset, object, stage, details, ...same }) => same);
  const list = h('ul', { class: 'findings' }, ...sorted.slice(0, SHOWN).map(findingItem));
  if (sorted.length <= SHOWN) return list;
  const rest = sorted.slice(SHOWN);
  const more = button(t.findings.more(rest.length), () => {
    list.append(...rest.map(findingItem));
    more.remove();
  });
  return h('div', {}, list, more);
}

function findingItem({ row: finding, count }) {
  const { severity, kind, message, advice, excerpt } = finding;
  const tone = TONES[severity] ?? '';
  return h(
    'li',
    { class: 'finding' },
    h('span', { class: 'chip', data: { tone } }, t.findings.severity[severity] ?? severity),
    h(
      'div',
      {},
      h('h3', {}, kindTitle(kind)),
      h('p', {}, format.sentences(message, advice)),
      h('p', { class: 'where' }, where(finding, count)),
      excerpt && h('code', {}, excerpt),
    ),
  );
}

function where({ trigger, offset, object, hidden, revision }, count) {
  const words = t.findings;
  return [
    trigger && words.triggers[trigger],
    object !== null && object !== undefined && words.object(object),
    offset !== null && offset !== undefined && words.at(offset),
    hidden && words.hidden,
    revision === 'earlier' && words.earlier,
    count > 1 && words.elsewhere(count - 1),
  ]
    .filter(Boolean)
    .join(' · ');
}

/**
 * @param {any[]} unscanned
 * @returns {HTMLElement}
 */
export function unscannedList(unscanned) {
  const words = t.findings;
  const items = grouped(unscanned, ({ reason, message }) => [reason, message]).map(({ row, count }) =>
    h(
      'li',
      { class: 'finding' },
      h('span', { class: 'chip', data: { tone: 'warn' } }, words.unscanned),
      h(
        'div',
        {},
        h('p', {}, format.sentences(row.message)),
        count > 1 && h('p', { class: 'where' }, words.times(count)),
      ),
    ),
  );
  return h('ul', { class: 'findings' }, ...items);
}

/**
 * What comes of a file, in a few words.
 *
 * @typedef {object} Verdict
 * @property {'good' | 'warn' | 'bad' | ''} tone
 * @property {string} picture
 * @property {string} title
 * @property {string} text
 */

/**
 * One clear sentence about an accepted document.
 *
 * @param {any} document
 * @returns {Verdict}
 */
export function accepted({ findings = [], unscanned = [], decision, page_count: pages, file_size: size }) {
  const words = t.verdict;
  const open = unscanned.length > 0 ? words.unscanned(unscanned.length) : '';
  if (decision === 'flag') {
    const grave = findings.filter(({ severity }) => severity !== 'info'); // Notes need no look.
    const text = format.sentences(grave.length > 0 && words.flaggedText(grave.length), open);
    return { tone: 'warn', picture: 'stop', title: words.flagged, text };
  }
  if (findings.length > 0 || open) {
    const text = format.sentences(findings.length > 0 && words.notedText(findings.length), open);
    return { tone: 'good', picture: 'check', title: words.noted, text };
  }
  const what = pages ? t.documents.pages(pages) : format.bytes(size);
  return { tone: 'good', picture: 'check', title: words.clean, text: words.cleanText(what) };
}

/**
 * A verdict as a box.
 *
 * @param {Verdict} verdict
 */
export function verdictBox({ tone, picture, title, text }) {
  const words = h('div', {}, h('h2', {}, title), text && h('p', {}, text));
  return h('div', { class: 'verdict', data: { tone } }, icon(picture), words);
}

/**
 * A verdict in a line.
 *
 * @param {Verdict} verdict
 */
export function verdictLine({ tone, picture, title, text }) {
  return h('p', { class: 'summary', data: { tone } }, icon(picture), title && h('strong', {}, format.sentences(title)), ' ', text);
}
