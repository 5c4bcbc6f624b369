/** Encryption in the client, against a server that accepts it. Run by test_javascript.py. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import * as age from 'age-encryption';
import * as pdfsluice from '../../../client/js/src/index.js';
import { openFile } from '../../../client/js/src/node.js';

const { PDFSLUICE_URL: baseUrl, PDFSLUICE_PDF: path } = process.env;

function connect(options = {}) {
  const storage = new pdfsluice.MemoryStorage();
  return new pdfsluice.StreamingUploadClient({ baseUrl, WebSocket: null, storage, age, ...options });
}

test('only the recipients can read what is stored', async () => {
  const identity = await age.generateX25519Identity();
  const encryptTo = [await age.identityToRecipient(identity)];
  const client = connect();
  const { document } = await client.uploadFile(await openFile(path), { encryptTo });
  assert.match(document.filename, /\.pdf\.age$/);
  assert.deepEqual(document.unscanned.map(({ reason }) => reason), ['encrypted-by-client']);

  const stored = Buffer.from(await (await client.documents.file(document.id)).arrayBuffer());
  assert.equal(stored.subarray(0, 22).toString(), 'age-encryption.org/v1\n');
  const plain = await new Response(await client.decryptedFile(document.id, identity)).arrayBuffer();
  assert.deepEqual(Buffer.from(plain), await readFile(path));

  const other = await age.generateX25519Identity();
  await assert.rejects(client.decryptedFile(document.id, other), { code: 'decryption-failed' });
  client.close();
});

test('wrong keys are explained and not shown', async () => {
  const client = connect();
  const secret = await age.generateX25519Identity();
  for (const recipient of ['age1nonsense', secret]) {
    const sending = client.uploadFile(await openFile(path), { encryptTo: [recipient] });
    await assert.rejects(sending, (error) => error.code === 'key-invalid' && !error.message.includes(secret));
  }
  client.close();
  const without = connect({ age: undefined });
  const sending = without.uploadFile(await openFile(path), { encryptTo: ['age1nonsense'] });
  await assert.rejects(sending, { code: 'encryption-unavailable' });
  without.close();
});
