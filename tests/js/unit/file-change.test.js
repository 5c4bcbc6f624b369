/** Files that change while they are being uploaded. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import WebSocket from 'ws';
import * as pdfsluice from '../../../client/js/src/index.js';
import { KIB, content, until } from '../support/files.js';
import { TestServer } from '../support/server.js';

const FAST = { baseDelay: 1, maxDelay: 5, giveUpAfter: 4000 };
let server;
let clients;

beforeEach(async () => {
  server = await TestServer.start({ chunkSize: 16 * KIB });
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.close();
  await server.stop();
});

function connect(options = {}) {
  const client = new pdfsluice.StreamingUploadClient({
    baseUrl: server.url,
    storage: new pdfsluice.MemoryStorage(),
    WebSocket,
    retry: FAST,
    pollInterval: 5,
    ...options,
  });
  clients.push(client);
  return client;
}

test('a source that changes while it is paused is not completed', async () => {
  const source = changeable(content(160 * KIB));
  const upload = connect({ parallel: 1 }).startUpload(source);
  await until(() => upload.snapshot.durable >= 48 * KIB);
  upload.pause();
  source.replace(content(160 * KIB, 7));
  upload.resume();
  await assert.rejects(upload.done, { name: 'FileChanged', code: 'file-changed' });
  assert.equal(upload.snapshot.state, 'failed');
  assert.equal(server.documents.length, 0);
});

/** A source without the protection that browsers give to files: its bytes can change. */
function changeable(bytes) {
  let current = new Blob([bytes]);
  return {
    name: 'report.pdf',
    size: bytes.length,
    slice: (start, end) => current.slice(start, end),
    replace: (other) => (current = new Blob([other])),
  };
}
