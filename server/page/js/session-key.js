/** The API key: asked for where the server wants one, kept for this tab only. */

import { AuthenticationError } from '/assets/client/index.js';
import { ask } from './dialogs.js';
import { h } from './dom.js';
import { t } from './strings.js';

const NAME = 'pdfsluice.key';

export const storedKey = () => sessionStorage.getItem(NAME) ?? '';

/**
 * Ask for keys until the server knows one, or the user gives up.
 *
 * @param {import('/assets/client/index.js').StreamingUploadClient} client
 * @returns {Promise<boolean>} Whether a key was accepted.
 */
export async function askForKey(client) {
  for (let problem; ; problem = t.key.wrong) {
    const input = h('input', { class: 'input', type: 'password', required: true, autocomplete: 'off' });
    const fields = [h('label', { class: 'field' }, h('span', {}, t.key.label), input)];
    const { title, text, submit } = t.key;
    if (!(await ask({ title, text, submit, fields, problem }))) return false;
    client.apiKey = input.value.trim();
    try {
      await client.sessions.resumable();
    } catch (error) {
      if (error instanceof AuthenticationError) continue;
    }
    sessionStorage.setItem(NAME, client.apiKey);
    return true;
  }
}
