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
 * The findings of a file, worst first.
 *
 * @param {any[]} findings
 * @returns {HTMLElement}
 */
export function findingsList(findings) {
  const sorted = worstFirst(findings);
  const list = h('ul', { class: 'findings' }, ...sorted.slice(0, SHOWN).map(findingItem));
  if (sorted.length <= SHOWN) return list;
  const rest = sorted.slice(SHOWN);
  const more = button(t.findings.more(rest.length), () => {
    list.append(...rest.map(findingItem));
    more.remove();
  });
  return h('div', {}, list, more);
}

function findingItem(finding) {
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
      h('p', {}, [message, advice].filter(Boolean).join(' ')),
      h('p', { class: 'where' }, where(finding)),
      excerpt && h('code', {}, excerpt),
    ),
  );
}

function where({ trigger, offset, object, hidden, revision }) {
  const words = t.findings;
  return [
    trigger && words.triggers[trigger],
    object !== null && object !== undefined && words.object(object),
    offset !== null && offset !== undefined && words.at(offset),
    hidden && words.hidden,
    revision === 'earlier' && words.earlier,
  ]
    .filter(Boolean)
    .join(' · ');
}

/**
 * @param {any[]} unscanned
 * @returns {HTMLElement}
 */
export function unscannedList(unscanned) {
  const items = unscanned.map((part) =>
    h('li', { class: 'finding' }, h('span', { class: 'chip', data: { tone: 'warn' } }, part.stage), h('p', {}, part.message)),
  );
  return h('ul', { class: 'findings' }, ...items);
}

/**
 * One clear sentence about a document that was let in.
 *
 * @param {any} document
 */
export function acceptedVerdict(document) {
  const { findings = [], unscanned = [], decision, page_count: pages } = document;
  const words = t.verdict;
  const open = unscanned.length > 0 ? ` ${words.unscanned(unscanned.length)}` : '';
  if (decision === 'flag') return verdict('warn', 'stop', words.flagged, words.flaggedText(findings.length) + open);
  if (findings.length > 0 || open) return verdict('good', 'check', words.noted, words.notedText(findings.length) + open);
  const what = pages ? t.documents.pages(pages) : format.bytes(document.file_size);
  return verdict('good', 'check', words.clean, words.cleanText(what));
}

/**
 * @param {'good' | 'warn' | 'bad' | ''} tone
 * @param {string} picture
 * @param {string} title
 * @param {string} text
 * @param {any} [action]
 */
export function verdict(tone, picture, title, text, action) {
  const words = h('div', {}, h('h3', {}, title), h('p', {}, text));
  return h('div', { class: 'verdict', data: { tone } }, icon(picture), words, action);
}
