/** Refused uploads that are kept, and their release: for administrators. */

import { AuthenticationError, PermissionDenied } from '/assets/client/index.js';
import * as format from '../format.js';
import { ask, notice } from '../dialogs.js';
import { button, h } from '../dom.js';
import { t } from '../strings.js';
import { gravest, kindTitle, worstFirst } from './findings.js';

/**
 * The quarantine, for those who may see it.
 *
 * @param {any} app
 * @returns {Promise<any[] | null>} `null` for other callers.
 */
export async function quarantineOf(app) {
  try {
    return await app.client.sessions.quarantine();
  } catch (error) {
    if ([AuthenticationError, PermissionDenied].some((kind) => error instanceof kind)) return null;
    throw error;
  }
}

/**
 * Buttons that release a refused upload or delete it, after a question.
 *
 * @param {any} app
 * @param {{session_id: string, filename: string, findings: any[]}} upload
 * @param {{released: () => void, deleted: () => void}} then
 */
export function quarantineButtons(app, { session_id: id, filename, findings }, { released, deleted }) {
  const words = t.quarantine;
  const release = async () => {
    const sure = await ask({
      title: words.title(filename),
      text: words.text(kinds(gravest(findings))),
      submit: words.submit,
      dismiss: words.keep,
      kind: 'danger',
    });
    if (!sure) return;
    await app.client.sessions.release(id);
    app.messages.show(words.released(filename));
    released();
  };
  const remove = async () => {
    const sure = await ask({
      title: words.deleteTitle(filename),
      text: words.deleteText,
      submit: words.delete,
      dismiss: words.keep,
      kind: 'danger',
    });
    if (!sure) return;
    await app.client.sessions.cancel(id);
    app.messages.show(words.deleted(filename));
    deleted();
  };
  return [
    button(words.release, () => app.act(release)),
    button(words.delete, () => app.act(remove), { kind: 'quiet danger' }),
  ];
}

/** The list of what is kept; hidden from those who may not see it. */
export class QuarantineSection {
  /** @param {any} app */
  constructor(app) {
    this.app = app;
    this.body = h('div', {});
    this.element = h('section', { hidden: true }, h('h2', {}, t.quarantine.heading), this.body);
  }

  async show() {
    try {
      const uploads = await quarantineOf(this.app);
      this.element.hidden = uploads === null;
      this.body.replaceChildren(this.#content(uploads ?? []));
    } catch (error) {
      this.body.replaceChildren(notice(error, () => this.show()));
    }
  }

  #content(uploads) {
    if (uploads.length === 0) return h('p', { class: 'muted' }, t.quarantine.empty);
    return h('ul', { class: 'kept' }, ...uploads.map((upload) => this.#item(upload)));
  }

  #item(upload) {
    const { filename, total_size: size, refused_at: refused, findings } = upload;
    const seconds = (Date.parse(refused) - Date.now()) / 1000;
    const again = () => this.show();
    const detail = `${format.bytes(size)} · ${t.quarantine.refused(format.fromNow(seconds))}`;
    return h(
      'li',
      {},
      h(
        'div',
        {},
        h('h3', { class: 'card-name', title: filename }, filename),
        h('p', { class: 'numbers' }, detail),
        h('div', { class: 'chips' }, ...kinds(findings).map((kind) => h('span', { class: 'chip' }, kind))),
      ),
      h('div', { class: 'actions' }, ...quarantineButtons(this.app, upload, { released: again, deleted: again })),
    );
  }
}

/** What was found, the worst first and each kind once. */
function kinds(findings) {
  return [...new Set(worstFirst(findings).map(({ kind }) => kindTitle(kind)))];
}
