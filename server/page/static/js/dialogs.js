/** Questions to the user, and short messages. */

import { AuthenticationError } from '/assets/client/index.js';
import { button, h } from './dom.js';
import { sentences } from './format.js';
import { t } from './strings.js';

/**
 * Show a dialog with a form.
 *
 * @param {object} options
 * @param {string} options.title
 * @param {string} [options.text]
 * @param {string} options.submit
 * @param {string} [options.dismiss]
 * @param {string} [options.kind] Class of the submit button.
 * @param {any[]} [options.fields]
 * @param {string} [options.problem]
 * @returns {Promise<boolean>} Whether it was submitted.
 */
export function ask({ title, text, submit, dismiss = t.cancel, kind = 'primary', fields = [], problem }) {
  return new Promise((resolve) => {
    const id = `dialog-${Date.now()}`;
    const dialog = h(
      'dialog',
      { 'aria-labelledby': id, onclose: () => finish() },
      h(
        'form',
        { method: 'dialog' },
        h('h2', { id }, title),
        text && h('p', { class: 'muted' }, text),
        ...fields,
        problem && h('p', { class: 'problem', role: 'alert' }, problem),
        h(
          'div',
          { class: 'actions' },
          button(dismiss, () => dialog.close(), { kind: 'quiet' }),
          h('button', { class: `button ${kind}`, value: 'yes' }, submit),
        ),
      ),
    );
    const finish = () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    };
    document.body.append(dialog);
    dialog.showModal();
  });
}

const TOAST_TIME = 6000;

/** Messages that pass, and a voice for screen readers. */
export class Messages {
  constructor() {
    this.spoken = h('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
    this.toasts = h('div', { class: 'toasts' });
  }

  /** @param {string} text For screen readers only. */
  say(text) {
    this.spoken.textContent = text;
  }

  /** @param {string} text */
  show(text) {
    this.say(text);
    const toast = h('p', { class: 'toast', 'aria-hidden': 'true' }, text);
    this.toasts.append(toast);
    setTimeout(() => toast.remove(), TOAST_TIME);
  }
}

/**
 * An error in sentences: those of the page if it has some, otherwise those of the server.
 *
 * @param {any} error
 * @returns {string}
 */
export function explain(error) {
  return t.errors[error?.code] ?? sentences(error?.message ?? String(error), error?.hint);
}

/**
 * An error in place of what could not be shown.
 *
 * @param {any} error
 * @param {() => void} again
 */
export function notice(error, again) {
  return h(
    'div',
    { class: 'notice', data: { tone: 'bad' }, role: 'alert' },
    h('div', {}, h('strong', {}, t.errors.title), ' ', h('span', { class: 'muted' }, explain(error))),
    button(error instanceof AuthenticationError ? t.key.enter : t.retry, again),
  );
}
