/** The end of uploads: completion, put off and asked for again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAST, connect, server, useServer } from '../support/clients.js';
import { KIB, content, digest, file, until } from '../support/files.js';

useServer();

test('completion is asked for without holding a request open', async () => {
  const { document } = await connect({ WebSocket: null }).uploadFile(file(20 * KIB));
  assert.equal(document.id, 1);
  const asked = server.log.filter((line) => line.includes('/complete/'));
  assert.equal(asked.length, 2);
});

test('a postponed completion is requested again, with the reason', async () => {
  const reasons = [
    { code: 'storage-full', message: 'No space is left.' },
    { code: 'overloaded', message: 'The virus scanner does not answer.' },
    null,
  ];
  server.intercept = (request, url) => {
    if (!url.pathname.includes('/complete/') || reasons.length === 0) return undefined;
    const [session] = server.sessions.values();
    session.error = reasons.shift();
    return { status: 202, body: { session_id: session.session_id, status: 'uploading' } };
  };
  const told = new Map();
  const { document } = await connect({ WebSocket: null }).uploadFile(file(20 * KIB), {
    onProgress: ({ state, waiting }) => waiting && told.set(waiting, state),
  });
  const waits = [...told].map(([{ error }, state]) => [state, error.code, error.message]);
  assert.equal(document.sha256, digest(content(20 * KIB)));
  assert.deepEqual(waits.map(([state]) => state), ['finishing', 'finishing', 'finishing']);
  assert.deepEqual(waits.slice(0, 2).map(([, ...why]) => why), [
    ['storage-full', 'No space is left.'],
    ['overloaded', 'The virus scanner does not answer.'],
  ]);
  assert.match(waits[2][2], /could not finish/);
});

test('a postponed completion can be requested immediately, or be abandoned', async () => {
  const retry = { ...FAST, baseDelay: 60_000, maxDelay: 60_000, giveUpAfter: Infinity };
  const client = connect({ WebSocket: null, retry });
  server.intercept = (request, url) => {
    if (!url.pathname.includes('/complete/')) return undefined;
    return { status: 202, body: { status: 'uploading' } };
  };
  const upload = client.startUpload(file(20 * KIB));
  const other = client.startUpload(file(20 * KIB, { seed: 2 }));
  await until(() => upload.snapshot.waiting && other.snapshot.waiting);
  await other.cancel();
  assert.equal(other.snapshot.state, 'cancelled');
  server.intercept = () => undefined;
  upload.resume();
  assert.equal((await upload.done).document.sha256, digest(content(20 * KIB)));
});

test('a chunk lost by the server is sent again when completion misses it', async () => {
  let lost = false;
  server.intercept = (request, url) => {
    if (!url.pathname.includes('/complete/') || lost) return;
    lost = true;
    [...server.sessions.values()][0].pieces.delete(16 * KIB);
  };
  const { document } = await connect().uploadFile(file(64 * KIB));
  assert.equal(document.sha256, digest(content(64 * KIB)));
});
