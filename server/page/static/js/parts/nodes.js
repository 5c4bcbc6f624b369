/** The live servers and workers: for administrators. */

import { AuthenticationError, PermissionDenied } from '/assets/client/index.js';
import * as format from '../format.js';
import { notice } from '../dialogs.js';
import { h } from '../dom.js';
import { t } from '../strings.js';

/** The list of them; hidden from those who may not see it. */
export class NodesSection {
  /** @param {any} app */
  constructor(app) {
    this.app = app;
    this.trouble = h('div', {});
    this.list = h('ul', { class: 'kept' });
    this.element = h('section', { hidden: true }, h('h2', {}, t.nodes.heading), this.trouble, this.list);
  }

  async show() {
    try {
      const { nodes, this: here } = await this.app.client.nodes.list();
      this.list.replaceChildren(...nodes.map((node) => item(node, here)));
      this.element.hidden = nodes.length === 0;
      this.trouble.replaceChildren();
    } catch (error) {
      if ([AuthenticationError, PermissionDenied].some((kind) => error instanceof kind)) {
        this.element.hidden = true;
        return;
      }
      this.trouble.replaceChildren(notice(error, () => this.show()));
    }
  }
}

function item(node, here) {
  const words = t.nodes;
  const role = words.roles[node.role] ?? node.role;
  const work = [words.uploads(node.uploads), words.jobs(node.jobs), words.version(node.version)];
  const times = [words.since(format.date(node.started_at)), words.seen(format.clock(new Date(node.seen_at)))];
  return h(
    'li',
    {},
    h(
      'div',
      {},
      h('h3', { class: 'card-name' }, words.name(role, node.host), node.id === here ? words.here : ''),
      h('p', { class: 'numbers' }, work.join(' · ')),
      h('p', { class: 'numbers' }, times.join(' · ')),
      h('p', { class: 'numbers muted' }, node.id),
    ),
  );
}
