/** Marks the words of a query in a passage. */

import { h } from '../dom.js';

const SHORTEST = 2;

/**
 * Whole words that begin like a word of the query are marked, so that “valve” finds “valves”.
 *
 * @param {string} text
 * @param {string} query
 * @returns {(string | HTMLElement)[]}
 */
export function highlighted(text, query) {
  const words = query.match(/[\p{L}\p{N}]+/gu)?.filter((word) => word.length >= SHORTEST) ?? [];
  if (words.length === 0) return [text];
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])((?:${words.join('|')})[\\p{L}\\p{N}]*)`, 'giu');
  return text.split(pattern).map((piece, index) => (index % 2 === 1 ? h('mark', {}, piece) : piece));
}
