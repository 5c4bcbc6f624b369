/** Marks the words of a query in a passage. */

import { h } from '../dom.js';

const SHORTEST = 2;

/**
 * What finds the words of a query in a text; `null` if it has none.
 *
 * @param {string} query
 */
function patternOf(query) {
  const words = query.match(/[\p{L}\p{N}]+/gu)?.filter((word) => word.length >= SHORTEST) ?? [];
  return words.length > 0 ? new RegExp(`(?<![\\p{L}\\p{N}])((?:${words.join('|')})[\\p{L}\\p{N}]*)`, 'giu') : null;
}

/**
 * Whether a text has a word of a query.
 *
 * @param {string} text
 * @param {string} query
 */
export function hasWord(text, query) {
  return patternOf(query)?.test(text) ?? true;
}

/**
 * Whole words that begin like a word of the query are marked, so that “valve” finds “valves”.
 *
 * @param {string} text
 * @param {string} query
 * @returns {(string | HTMLElement)[]}
 */
export function highlighted(text, query) {
  const pattern = patternOf(query);
  if (!pattern) return [text];
  return text.split(pattern).map((piece, index) => (index % 2 === 1 ? h('mark', {}, piece) : piece));
}
