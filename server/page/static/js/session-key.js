/** The API key: asked for if the server needs one, kept for this tab only. */

import { AuthenticationError } from '/assets/client/index.js';
import { ask } from './dialogs.js';
import { h } from './dom.js';
import { t } from './strings.js';

const NAME = 'pdfsluice.key';
const PRINTABLE = /^[\x21-\x7e]+$/;

export const storedKey = () => sessionStorage.getItem(NAME) ?? '';

/**
 * Ask for keys until the server knows one, or the user gives up; then the former one stays.
 *
 * @param {import('/assets/client/index.js').StreamingUploadClient} client
 * @returns {Promise<boolean>} Whether a key was accepted.
 */
export async function askForKey(client) {
  const former = client.apiKey;
  for (let problem; ; problem = t.key.wrong) {
    const input = h('input', { class: 'input', type: 'password', required: true, autocomplete: 'off' });
    const fields = [h('label', { class: 'field' }, h('span', {}, t.key.label), input)];
    const { title, text, submit } = t.key;
    if (!(await ask({ title, text, submit, fields, problem }))) {
      if (client.apiKey !== former) client.apiKey = former;
      return false;
    }
    const key = input.value.trim();
    if (!PRINTABLE.test(key)) continue; // It could not travel in a header, nor be a key.
    client.apiKey = key;
    try {
      await client.sessions.resumable();
    } catch (error) {
      if (error instanceof AuthenticationError) continue;
    }
    sessionStorage.setItem(NAME, key);
    return true;
  }
}
