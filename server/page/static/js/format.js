/** Numbers and times as people read them. */

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** @param {number} bytes */
export function bytes(bytes) {
  if (!Number.isFinite(bytes)) return '–';
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit < 2 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/**
 * A limit, rounded down: a file of the size it names is accepted.
 *
 * @param {number} limit
 */
export function atMost(limit) {
  const unit = 1000 ** Math.floor(Math.log10(limit) / 3);
  return bytes(Math.floor(limit / unit) * unit).replace('.0 ', ' ');
}

/** @param {number} mib Mebibytes, as the server's statistics count. */
export function mebibytes(mib) {
  return bytes(mib * 1024 * 1024);
}

/**
 * Texts as sentences in a row: each begins large and has its full stop.
 *
 * @param {...(string | null | undefined | false)} texts
 */
export function sentences(...texts) {
  const whole = texts.filter(Boolean).map((text) => text.trim());
  return whole.map((text) => text[0].toUpperCase() + text.slice(1) + (/[.!?:…]$/.test(text) ? '' : '.')).join(' ');
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  return `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** @param {number} seconds Ago, if negative. */
export function fromNow(seconds) {
  const size = Math.abs(seconds);
  if (size < 60) return relative.format(Math.round(seconds), 'second');
  if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute');
  if (size < 86_400) return relative.format(Math.round(seconds / 3600), 'hour');
  return relative.format(Math.round(seconds / 86_400), 'day');
}

/** @param {string} iso */
export function date(iso) {
  const options = { dateStyle: 'medium', timeStyle: 'short' };
  return new Intl.DateTimeFormat(undefined, options).format(new Date(iso));
}

/** @param {string} iso */
export function day(iso) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' }).format(new Date(iso));
}

/** @param {Date} moment */
export function clock(moment) {
  return new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' }).format(moment);
}
