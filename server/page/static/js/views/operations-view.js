/** What the server is doing: memory, disk, sessions, throughput, warnings, plugins. */

import * as format from '../format.js';
import { h, setText } from '../dom.js';
import { notice } from '../dialogs.js';
import { JobsSection } from '../parts/jobs.js';
import { NodesSection } from '../parts/nodes.js';
import { QuarantineSection } from '../parts/quarantine.js';
import { Sparkline } from '../parts/sparkline.js';
import { t } from '../strings.js';

const INTERVAL = 2000;
const NODES_EVERY = 5; // intervals
const LOG_LENGTH = 50;
const GAUGES = ['memory', 'disk', 'sessions', 'throughput'];

/** @param {any} app */
export function operationsView(app) {
  const words = t.operations;
  const lead = h('p', {});
  const trouble = h('div', {});
  const gauges = Object.fromEntries(GAUGES.map((name) => [name, gauge(words[name])]));
  const log = h('ol', { class: 'log' });
  const noEvents = h('p', { class: 'muted' }, words.noEvents);
  const quarantine = new QuarantineSection(app);
  const jobs = new JobsSection(app);
  const nodes = new NodesSection(app);
  const parts = h('dl', { class: 'parts' });
  const plugins = h('div', { class: 'table-scroll', tabIndex: 0, role: 'region', 'aria-label': words.plugins });
  const element = h(
    'div',
    {},
    h('div', { class: 'view-head' }, h('div', {}, h('h1', { tabIndex: -1 }, words.title), lead), h('nav', { class: 'actions', 'aria-label': words.more }, h('a', { href: '#/quotas' }, t.quotas.title), h('a', { href: '#/analytics' }, t.analytics.title))),
    trouble,
    h('div', { class: 'gauges' }, ...GAUGES.map((name) => gauges[name].element)),
    h(
      'div',
      { class: 'columns' },
      h('section', {}, h('h2', {}, words.events), noEvents, log),
      quarantine.element,
      jobs.element,
      nodes.element,
      h('section', {}, h('h2', {}, words.order), parts),
      h('section', {}, h('h2', {}, words.plugins), plugins),
    ),
  );
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let last = { at: 0, bytes: 0 };
  let turn = 0;

  async function refresh() {
    try {
      const [stats, metrics] = await app.withKey(() =>
        Promise.all([app.client.memoryStats(), app.client.metrics()]),
      );
      trouble.replaceChildren();
      drawStats(stats);
      drawThroughput(metrics.pdfsluice_committed_bytes_total ?? 0);
    } catch (error) {
      trouble.replaceChildren(notice(error, show));
    }
    if (turn++ % NODES_EVERY === 0) nodes.show();
    if (!element.hidden) timer = setTimeout(refresh, INTERVAL);
  }

  function drawStats(stats) {
    const limit = stats.memory_limit_mb;
    const { memory, disk, sessions } = gauges;
    memory.draw(format.mebibytes(stats.memory_usage_mb), stats.memory_usage_mb, limit);
    memory.note(words.memoryText(format.mebibytes(limit), format.mebibytes(stats.peak_memory_mb)));
    disk.draw(format.mebibytes(stats.disk_space_available_mb), stats.disk_space_available_mb);
    disk.note(words.diskText(stats.temp_files_count, format.mebibytes(stats.temp_files_size_mb)));
    sessions.draw(String(stats.active_sessions), stats.active_sessions, 5);
    sessions.note(words.sessionsText(stats.concurrent_uploads));
  }

  function drawThroughput(bytes) {
    const now = performance.now();
    const elapsed = (now - last.at) / 1000;
    const rate = last.at > 0 && elapsed < 10 && bytes >= last.bytes ? (bytes - last.bytes) / elapsed : 0;
    last = { at: now, bytes };
    gauges.throughput.draw(t.card.speed(format.bytes(rate)), rate);
    gauges.throughput.note(words.throughputText);
  }

  async function describe() {
    const info = app.info ?? (await app.client.info());
    setText(lead, words.lead(info.version, info.policy));
    const loaded = await app.withKey(() => app.client.plugins());
    const filled = Object.entries(loaded.parts).filter(([, names]) => names.length > 0);
    parts.replaceChildren(
      ...filled.map(([kind, names]) =>
        h('div', {}, h('dt', {}, words.parts[kind] ?? kind), h('dd', {}, ...names.map((name) => h('span', { class: 'chip' }, name)))),
      ),
    );
    plugins.replaceChildren(pluginTable(loaded.plugins));
  }

  function note(text) {
    noEvents.hidden = true;
    const now = new Date();
    log.prepend(h('li', {}, h('time', { dateTime: now.toISOString() }, format.clock(now)), h('span', {}, text)));
    while (log.childElementCount > LOG_LENGTH) log.lastElementChild.remove();
  }

  let wasLive = false;
  app.client.channel.listen((event) => {
    if (event.type === 'memory_warning') {
      const { warning, memory_usage_mb: used, memory_limit_mb: limit } = event.data;
      note(words.memoryWarning(warning, format.mebibytes(used), format.mebibytes(limit)));
    }
    if (event.type === 'server_closing') note(words.closing);
    if (event.type === 'connection') {
      // Until the first connection there is nothing to lose: a key may have to be entered.
      if (wasLive) note(event.live ? words.back : words.lost);
      wasLive ||= event.live;
    }
  });

  function show() {
    clearTimeout(timer);
    turn = 0;
    refresh();
    quarantine.show();
    jobs.show();
    describe().catch(() => {}); // The gauges show what is wrong.
  }

  return { element, tab: 'operations', show, hide: () => clearTimeout(timer) };
}

/** @param {string} title */
function gauge(title) {
  const value = h('output', {}, '–');
  const text = h('p', { class: 'numbers' });
  const line = new Sparkline(t.operations.history(title));
  return {
    element: h('div', { class: 'gauge' }, h('h2', {}, title), value, text, line.element),
    draw(shown, number, ceiling) {
      setText(value, shown);
      line.add(number, ceiling);
    },
    note: (words) => setText(text, words),
  };
}

function pluginTable(plugins) {
  const { name, version, distribution } = t.operations.columns;
  const head = h('tr', {}, ...[name, version, distribution].map((title) => h('th', { scope: 'col' }, title)));
  const rows = plugins.map((plugin) =>
    h('tr', {}, ...[plugin.name, plugin.version, plugin.distribution].map((text) => h('td', {}, text ?? ''))),
  );
  return h('table', {}, h('thead', {}, head), h('tbody', {}, ...rows));
}
