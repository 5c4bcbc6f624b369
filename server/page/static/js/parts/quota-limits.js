/** The limits of an account: their order, their amounts, and how people write them. */

import * as format from '../format.js';

export const LIMITS = [
  'stored_bytes',
  'reserved_bytes',
  'metadata_bytes',
  'documents',
  'open_uploads',
  'uploads_per_day',
  'ocr_pages_per_day',
  'connections',
];

const FACTORS = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30, ti: 2 ** 40 };
const UNITS = ['TiB', 'TB', 'GiB', 'GB', 'MiB', 'MB', 'KiB', 'KB'];

export const isBytes = (name) => name.endsWith('_bytes');

/** What counts for a limit: unfinished uploads count for the documents and their bytes as well. */
export function counted(used, name) {
  if (name === 'stored_bytes') return used.stored_bytes + used.reserved_bytes;
  if (name === 'documents') return used.documents + used.open_uploads;
  return used[name.replace('_per_day', '_today')];
}

/** An amount as it is shown. */
export function amount(name, value) {
  return isBytes(name) ? format.bytes(value) : value.toLocaleString('en');
}

/** A limit as it stands in a form: exact, in the largest unit that has no fraction. */
export function written(name, value) {
  if (value === null) return '';
  const unit = isBytes(name) && value > 0 ? UNITS.find((each) => value % factor(each) === 0) : undefined;
  return unit ? `${value / factor(unit)} ${unit}` : String(value);
}

/**
 * The limit that a text of a form means.
 *
 * @param {string} name
 * @param {string} text Empty for no limit.
 * @returns {number | null | undefined} `undefined` if it means none.
 */
export function read(name, text) {
  if (!text.trim()) return null;
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*$/i.exec(text) ?? [];
  const value = Number(number) * factor(unit ?? '');
  const isWhole = Number.isSafeInteger(value) && (isBytes(name) || !unit);
  return isWhole ? value : undefined;
}

/** Bytes of a unit such as `MiB`; not a number if there is no such unit. */
function factor(unit) {
  return FACTORS[unit.toLowerCase().replace(/b$/, '')] ?? NaN;
}
