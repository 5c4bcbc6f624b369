/** Charts of days: bars, lines, and a bar of shares. Each is one SVG with a name. */

import { h } from '../dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 600;
const HEIGHT = 160;

/**
 * @typedef {object} Point
 * @property {string} label The day, for people.
 * @property {number | null} value
 * @property {string} text The value, for people.
 */

/**
 * A bar for each day.
 *
 * @param {string} label
 * @param {Point[]} points
 */
export function barChart(label, points) {
  const chart = canvas(label);
  const top = highest(points);
  const step = WIDTH / Math.max(1, points.length);
  points.forEach(({ label: day, value, text }, i) => {
    const height = ((value ?? 0) / top) * HEIGHT;
    const place = { x: i * step + step * 0.1, y: HEIGHT - height, width: step * 0.8, height };
    chart.append(titled(shape('rect', { ...place, class: 'chart-bar' }), `${day}: ${text}`));
  });
  return chart;
}

/**
 * A line for each series over the same days; a day without value interrupts it, and a day by
 * itself is a dot.
 *
 * @param {string} label
 * @param {{name: string, points: Point[]}[]} series
 */
export function lineChart(label, series) {
  const chart = canvas(label);
  const top = highest(series.flatMap(({ points }) => points));
  const days = series[0].points;
  const step = WIDTH / Math.max(1, days.length);
  series.forEach(({ points }, number) => {
    const given = (i) => (points[i]?.value ?? null) !== null;
    let line = '';
    let dots = '';
    points.forEach(({ value }, i) => {
      if (value === null) return;
      const place = `${((i + 0.5) * step).toFixed(1)},${(HEIGHT - (value / top) * HEIGHT).toFixed(1)}`;
      line += `${given(i - 1) ? 'L' : 'M'}${place}`;
      if (!given(i - 1) && !given(i + 1)) dots += `M${place}L${place}`;
    });
    chart.append(shape('path', { d: line || 'M0,0', class: `chart-line series-${number}` }));
    if (dots) chart.append(shape('path', { d: dots, class: `chart-line chart-dots series-${number}` }));
  });
  days.forEach(({ label: day }, i) => {
    const column = shape('rect', { x: i * step, y: 0, width: step, height: HEIGHT, class: 'chart-column' });
    const texts = series.map(({ name, points }) => `${name} ${points[i].text}`);
    chart.append(titled(column, `${day}: ${texts.join(', ')}`));
  });
  return chart;
}

/**
 * One bar whose parts are shares.
 *
 * @param {string} label
 * @param {{name: string, share: number, text: string}[]} parts
 */
export function shareChart(label, parts) {
  const chart = canvas(label, 28);
  let x = 0;
  parts.forEach(({ name, share, text }, number) => {
    const place = { x: x * WIDTH, y: 0, width: share * WIDTH, height: 28 };
    chart.append(titled(shape('rect', { ...place, class: `series-${number % 6}` }), `${name}: ${text}`));
    x += share;
  });
  return chart;
}

/** @param {{name: string, text?: string}[]} entries In the order of the series. */
export function legend(entries) {
  const item = ({ name, text = '' }, number) =>
    h('li', {}, h('span', { class: `swatch series-${number % 6}` }), `${name}${text && ` ${text}`}`);
  return h('ul', { class: 'legend' }, ...entries.map(item));
}

function canvas(label, height = HEIGHT) {
  const chart = shape('svg', { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: 'none', class: 'chart' });
  chart.setAttribute('role', 'img');
  chart.setAttribute('aria-label', label);
  return chart;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

function titled(element, text) {
  const title = document.createElementNS(SVG, 'title');
  title.textContent = text;
  element.append(title);
  return element;
}

/** @param {Point[]} points */
function highest(points) {
  return Math.max(0, ...points.map(({ value }) => value ?? 0)) || 1;
}
