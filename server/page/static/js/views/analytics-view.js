/** How uploads have gone: bytes and times of each day, and how uploads ended. */

import * as format from '../format.js';
import { notice } from '../dialogs.js';
import { h, setText } from '../dom.js';
import { barChart, legend, lineChart, shareChart } from '../parts/charts.js';
import { t } from '../strings.js';

const DAY = 86_400_000;
const SPANS = [7, 30, 90];
const PERCENTILES = ['p50', 'p95', 'p99'];

/** @param {any} app */
export function analyticsView(app) {
  const words = t.analytics;
  const lead = h('p', {});
  const charts = h('div', { class: 'charts' });
  const span = h(
    'select',
    { class: 'input', 'aria-label': words.span, onchange: show },
    ...SPANS.map((days) => h('option', { value: days, selected: days === 30 }, words.days(days))),
  );
  const element = h(
    'div',
    {},
    h('div', { class: 'view-head' }, h('div', {}, h('h1', { tabIndex: -1 }, words.title), lead), span),
    charts,
  );

  async function show() {
    const days = Number(span.value);
    const until = Date.now();
    const time = { from: new Date(until - (days - 1) * DAY), to: new Date(until) };
    try {
      const [daily, ends] = await app.withKey(() =>
        Promise.all([
          app.client.analytics({ ...time, by: 'day' }),
          app.client.analytics({ ...time, by: 'end' }),
        ]),
      );
      draw(daily, ends, daysBetween(daily.since, daily.until));
    } catch (error) {
      setText(lead, '');
      charts.replaceChildren(notice(error, show));
    }
  }

  function draw({ total, groups }, ends, days) {
    const [bytes, resent, saved] = [total.bytes, total.resent_bytes, Math.max(0, total.saved_bytes)].map(format.bytes);
    setText(lead, words.lead(total.uploads, bytes, resent, saved));
    const byDay = new Map(groups.map((group) => [group.value.slice(0, 10), group]));
    const points = (read, write) =>
      days.map((day) => {
        const group = byDay.get(day);
        const value = group ? read(group) : null;
        return { label: format.day(day), value, text: value === null ? '–' : write(value, group) };
      });
    const daily = points((group) => group.bytes, (n, group) => words.perDay(group.uploads, format.bytes(n)));
    const series = PERCENTILES.map((name) => ({
      name: words[name],
      points: points((group) => group.receiving_seconds[name], (n) => words.seconds(n)),
    }));
    const slowest = series.flatMap((each) => each.points);
    const parts = ends.groups.map((group) => ({
      name: words.ends[group.value] ?? group.value,
      share: group.share,
      text: words.share(group.uploads, group.share),
    }));
    const overall = PERCENTILES.map((name) => ({
      name: words[name],
      text: total.receiving_seconds[name] === null ? '' : words.seconds(total.receiving_seconds[name]),
    }));
    charts.replaceChildren(
      section(words.bytes, barChart(words.bytes, daily), axis(days, highest(daily, format.bytes))),
      section(words.receiving, lineChart(words.receiving, series), axis(days, highest(slowest, words.seconds)), legend(overall)),
      section(words.howEnded, shareChart(words.howEnded, parts), legend(parts)),
    );
  }

  return { element, tab: 'operations', title: words.title, show };
}

function section(title, ...content) {
  return h('section', {}, h('h2', {}, title), ...content);
}

function axis(days, top) {
  const texts = [format.day(days[0]), top, format.day(days.at(-1))];
  return h('p', { class: 'axis' }, ...texts.map((text) => h('span', {}, text)));
}

function highest(points, write) {
  return t.analytics.highest(write(Math.max(0, ...points.map(({ value }) => value ?? 0))));
}

/** The days (UTC) of a report, as `2024-05-01`. */
function daysBetween(since, until) {
  const days = [];
  for (let at = Date.parse(since); at < Date.parse(until); at += DAY) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}
