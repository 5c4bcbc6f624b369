/** Choosing files, watching them arrive, and resuming unfinished uploads. */

import * as format from '../format.js';
import { ContentRejected } from '/assets/client/index.js';
import { ask, explain } from '../dialogs.js';
import { button, h, setText } from '../dom.js';
import { BatchSummary } from '../parts/batch-summary.js';
import { counted } from '../parts/quota-limits.js';
import { UploadCard, notTakenCard } from '../parts/upload-card.js';
import { t } from '../strings.js';

/** How many uploads send at a time; more would only share the same link. */
const MAX_RUNNING = 3;
/** How many files that are dropped together are compared with documents by their names. */
const MAX_COMPARED = 20;
/** A PDF has its header within so many bytes, whatever its name (ISO 32000-2, annex I). */
const HEAD = 1024;

const ENDED = '.card[data-ended="true"]';

/** @param {any} app */
export function uploadView(app) {
  return new UploadView(app);
}

class UploadView {
  tab = 'upload';
  /** Files that wait for their turn. @type {(() => void)[]} */
  #queue = [];
  #running = 0;
  /** @type {Set<string>} Sessions that have a card. */
  #shown = new Set();

  constructor(app) {
    this.app = app;
    this.element = h('div', {}, this.#hero(), this.#drop(), this.#stages(), this.#lists());
    this.element.addEventListener('limits', () => this.#showLimit());
    this.#acceptDrops();
    app.client.channel.listen((event) => {
      if (event.type === 'connection' && event.live && !this.element.hidden) this.show();
    });
  }

  show() {
    const shown = this.#listUnfinished().then(() => this.#showQuota());
    shown.catch(() => {}); // The header shows that the server cannot be reached.
  }

  #hero() {
    this.hero = h('div', { class: 'hero' }, h('h1', { tabIndex: -1 }, t.upload.title), h('p', {}, t.upload.lead));
    return this.hero;
  }

  #drop() {
    this.input = h('input', {
      type: 'file',
      accept: 'application/pdf,.pdf',
      multiple: true,
      hidden: true,
      onchange: () => this.#chosen(this.input),
    });
    this.again = h('input', { type: 'file', accept: 'application/pdf,.pdf', hidden: true });
    this.index = h('input', { type: 'checkbox', checked: true });
    this.dropTitle = h('strong', {}, t.upload.drop);
    this.limit = h('small', {});
    this.quota = h('a', { class: 'upload-quota', href: '#/quotas', hidden: true });
    const choose = button(t.upload.choose, () => this.input.click(), { kind: 'primary' });
    const index = h('label', { class: 'check' }, this.index, t.upload.index);
    this.drop = h(
      'div',
      { class: 'drop' },
      this.dropTitle,
      h('div', { class: 'drop-row' }, choose, index),
      this.limit,
      this.quota,
      this.input,
      this.again,
    );
    return this.drop;
  }

  /** Files may be dropped anywhere: a browser would open one that misses its target. */
  #acceptDrops() {
    const over = (value) => (this.drop.dataset.over = value);
    addEventListener('dragover', (event) => {
      event.preventDefault();
      over(event.dataTransfer.types.includes('Files'));
    });
    addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) over(false);
    });
    addEventListener('drop', (event) => {
      event.preventDefault();
      over(false);
      if (event.dataTransfer.files.length === 0) return;
      location.hash = '#/upload';
      this.#take([...event.dataTransfer.files]);
    });
  }

  #stages() {
    const items = t.upload.stages.map(([stage, title, text]) =>
      h('li', { data: { stage } }, h('h2', {}, title), h('p', {}, text)),
    );
    this.stages = h('ol', { class: 'stages', 'aria-label': t.upload.stagesTitle }, ...items);
    return this.stages;
  }

  #lists() {
    this.cards = h('ul', { class: 'uploads' });
    this.tidy = button(t.upload.tidy, () => this.#removeEnded(), { kind: 'quiet', hidden: true });
    const head = h('div', { class: 'list-head' }, h('h2', {}, t.upload.now), this.tidy);
    this.batch = new BatchSummary();
    this.now = h('section', { hidden: true }, head, this.batch.element, this.cards);
    this.left = h('ul', { class: 'unfinished' });
    this.unfinished = h(
      'section',
      { hidden: true, class: 'left-over' },
      h('h2', {}, t.upload.unfinished),
      h('p', { class: 'muted' }, t.upload.unfinishedLead),
      this.left,
    );
    this.lists = h('div', { class: 'upload-lists' }, this.now);
    return this.lists;
  }

  #showLimit() {
    const { limits } = this.app.info;
    setText(this.limit, t.upload.limit(format.atMost(limits.max_file_size)));
  }

  /** Show how much of a quota is used, if there is one. */
  async #showQuota() {
    const { limits, used } = await this.app.client.quota();
    const most = limits.stored_bytes;
    this.quota.hidden = Object.values(limits).every((limit) => limit === null);
    const text = most === null ? t.upload.quotas : t.upload.quota(format.bytes(counted(used, 'stored_bytes')), format.bytes(most));
    setText(this.quota, text);
  }

  #chosen(input) {
    const files = [...input.files];
    input.value = ''; // The same file may be chosen again.
    this.#take(files);
  }

  /** @param {File[]} files */
  async #take(files) {
    // In the order in which they are sent, so that what is being sent is at the top.
    const first = this.cards.firstElementChild;
    const reasons = new Map();
    for (const file of files) reasons.set(file, await this.#unfit(file));
    const earlier = await this.#earlier(files.filter((file) => !reasons.get(file)));
    for (const file of files) {
      const before = first?.isConnected ? first : null;
      if (reasons.get(file)) this.#refuse(file, reasons.get(file), before);
      else this.#begin(file, { replaces: earlier.get(file)?.id }, before);
    }
  }

  /**
   * The documents that files are to replace: those with their names, if the user wants that. A file
   * of the same size is more likely the same file, which is noticed by its bytes.
   *
   * @param {File[]} files
   * @returns {Promise<Map<File, any>>}
   */
  async #earlier(files) {
    const earlier = new Map();
    for (const file of files.length > MAX_COMPARED ? [] : files) {
      const { documents } = await this.app.client.documents.list({ filename: file.name }).catch(() => ({ documents: [] }));
      const [document] = documents;
      if (document && document.file_size !== file.size) earlier.set(file, document);
    }
    if (earlier.size === 0) return earlier;
    const { title, replace: submit, separate: dismiss } = t.upload.versions;
    const names = [...earlier.values()].map((document) => t.upload.versionsItem(document.filename, document.title));
    const fields = [h('ul', {}, ...names.map((name) => h('li', {}, name)))];
    const sure = await ask({ title, text: t.upload.versionsText, submit, dismiss, fields });
    return sure ? earlier : new Map();
  }

  /**
   * Why a file need not be sent at all; empty if it may be.
   *
   * @param {File} file
   */
  async #unfit(file) {
    const words = t.upload.notTaken;
    const most = this.app.info?.limits.max_file_size ?? Infinity;
    if (file.size > most) return words.tooLarge(format.bytes(file.size), format.atMost(most));
    try {
      const head = await file.slice(0, HEAD).text();
      if (file.size === 0) return words.empty;
      return head.includes('%PDF-') ? '' : words.notPdf;
    } catch {
      return words.unreadable;
    }
  }

  #refuse({ name }, why, before) {
    const card = notTakenCard(name, why, () => this.#remove(card));
    this.cards.insertBefore(card, before);
    this.#arrange();
    this.app.messages.say(t.upload.notTaken.announce(name, why));
  }

  /**
   * @param {File} file
   * @param {{sessionId?: string}} [options]
   * @param {Element | null} [before] The card that it stands before; by default the first.
   */
  #begin(file, options = {}, before = this.cards.firstElementChild) {
    const upload = this.app.client.startUpload(file, { autoBuildIndex: this.index.checked, ...options });
    const card = new UploadCard(this.app, upload, {
      dismiss: () => this.#remove(card.element),
      again: () => this.#chooseFor((chosen) => this.#beginAgain(card, chosen, options)),
      released: () => this.#continueReleased(card, file),
      ended: () => this.#settle(card),
    });
    this.cards.insertBefore(card.element, before);
    this.batch.add(card);
    this.#startInTurn(upload, card);
    this.#arrange();
    const watch = upload.onChange(({ sessionId }) => {
      if (!sessionId || this.#shown.has(sessionId)) return;
      watch();
      this.#shown.add(sessionId);
      this.left.querySelector(`[data-session="${CSS.escape(sessionId)}"]`)?.remove();
      this.#arrange();
    });
    const ended = () => {
      this.#shown.delete(upload.sessionId);
      this.#listUnfinished().catch(() => {});
    };
    upload.done.then(ended, ended);
    return card;
  }

  /** Only a file that was the wrong one leaves its session to be continued. */
  #beginAgain(card, file, options) {
    const wrong = card.upload.snapshot.error?.code === 'file-mismatch';
    this.#begin(file, wrong ? options : {});
    this.#remove(card.element);
  }

  /** A released upload continues, with the rest of its bytes if they had not all arrived. */
  #continueReleased(card, file) {
    this.#begin(file, { sessionId: card.upload.sessionId });
    this.#remove(card.element);
  }

  /** Let an upload send now, or pause it until fewer send. */
  #startInTurn(upload, card) {
    const start = () => {
      this.#running += 1;
      const next = () => {
        this.#running -= 1;
        this.#queue.shift()?.();
      };
      upload.done.then(next, next);
    };
    if (this.#running < MAX_RUNNING) return start();
    upload.pause();
    card.queued = true;
    this.#queue.push(() => {
      card.queued = false;
      start();
      upload.resume();
    });
    return undefined;
  }

  /** While others wait, finished uploads move below those being sent. */
  #settle({ element, upload }) {
    const done = upload.snapshot.state === 'completed';
    if (done && this.#queue.length > 0 && !element.contains(document.activeElement)) this.cards.append(element);
    this.#arrange();
  }

  #remove(...elements) {
    for (const element of elements) element.remove();
    this.batch.tidy();
    this.#arrange();
    this.drop.querySelector('button')?.focus();
  }

  #removeEnded() {
    this.#remove(...this.cards.querySelectorAll(ENDED));
  }

  #arrange() {
    const busy = this.cards.childElementCount > 0;
    this.now.hidden = !busy;
    this.tidy.hidden = this.cards.querySelectorAll(ENDED).length < 2;
    this.unfinished.hidden = this.left.childElementCount === 0;
    if (busy) this.lists.append(this.unfinished);
    else this.stages.before(this.unfinished);
    this.hero.classList.toggle('unseen', busy); // The page keeps its heading.
    this.stages.hidden = busy;
    this.drop.dataset.compact = busy;
    setText(this.dropTitle, busy ? t.upload.dropMore : t.upload.drop);
  }

  async #listUnfinished() {
    const sessions = await this.app.withKey(() => this.app.client.sessions.resumable());
    const others = sessions.filter(({ session_id }) => !this.#shown.has(session_id));
    this.left.replaceChildren(...others.map((session) => this.#unfinishedItem(session)));
    this.#arrange();
  }

  #unfinishedItem(session) {
    const { session_id, filename, total_size, progress_percentage, age_hours } = session;
    const whole = session.uploaded_chunks === session.total_chunks;
    const share = format.percent(progress_percentage / 100);
    const detail = t.upload.arrived(share, format.fromNow(-age_hours * 3600));
    const go = whole
      ? button(t.upload.finish, () => this.app.act(() => this.#finish(session)))
      : button(t.upload.continue, () =>
          this.#chooseFor((file) => this.#begin(file, { sessionId: session_id })),
        );
    const drop = button(t.upload.discard, () => this.#discard(session_id, filename), { kind: 'quiet' });
    return h(
      'li',
      { data: { session: session_id } },
      h(
        'div',
        {},
        h('h3', { class: 'card-name' }, filename),
        h('p', { class: 'muted' }, `${format.bytes(total_size)} · ${detail}`),
        h('progress', { max: 100, value: progress_percentage, 'aria-label': t.card.barLabel(filename) }),
      ),
      h('div', { class: 'actions' }, go, drop),
    );
  }

  /** What had arrived whole needs no file any more. */
  async #finish({ session_id: id, filename }) {
    const { messages, client } = this.app;
    this.#shown.add(id);
    this.left.querySelector(`[data-session="${CSS.escape(id)}"]`)?.remove();
    this.#arrange();
    messages.show(t.upload.finishing(filename));
    try {
      await client.complete(id);
      messages.show(t.card.announce.completed(filename));
    } catch (error) {
      const refused = error instanceof ContentRejected;
      messages.show(refused ? t.card.announce.rejected(filename) : t.upload.finishLater(filename, explain(error)));
    }
    this.#shown.delete(id);
    await this.#listUnfinished();
  }

  /** @param {(file: File) => void} use */
  #chooseFor(use) {
    this.again.onchange = () => {
      const [file] = this.again.files;
      this.again.value = '';
      if (file) use(file);
    };
    this.again.click();
  }

  async #discard(sessionId, filename) {
    const sure = await ask({
      title: t.upload.discardTitle,
      text: t.upload.discardText(filename),
      submit: t.upload.discard,
      dismiss: t.upload.keep,
      kind: 'danger',
    });
    if (!sure) return;
    await this.app.act(() => this.app.client.cancel(sessionId));
    await this.#listUnfinished().catch((error) => this.app.messages.show(explain(error)));
  }
}
