/** The client against a real server, whose address is in PDFSLUICE_URL. Run by test_javascript.py. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import WebSocket from 'ws';
import * as pdfsluice from '../../../client/js/src/index.js';
import { openFile } from '../../../client/js/src/node.js';
import { digest, until } from '../support/files.js';

const { PDFSLUICE_URL: baseUrl, PDFSLUICE_PDF: good, PDFSLUICE_BAD_PDF: bad } = process.env;
const indexed = process.env.PDFSLUICE_INDEXED === 'yes'; // the servers of the clusters have no index
const MIB = 1024 * 1024;
const clients = [];

after(() => clients.forEach((client) => client.close()));

function connect(options = {}) {
  const client = new pdfsluice.StreamingUploadClient({
    baseUrl,
    WebSocket,
    chunkSize: MIB,
    storage: new pdfsluice.MemoryStorage(),
    ...options,
  });
  clients.push(client);
  return client;
}

test('another client continues an upload that was stopped within a chunk', async () => {
  const stop = new AbortController();
  const slowly = { parallel: 1, chunkSize: 8 * MIB };
  const first = connect(slowly).startUpload(await openFile(good), { signal: stop.signal });
  await until(() => first.snapshot.durable >= 2 * MIB);
  stop.abort();
  await assert.rejects(first.done);

  const sent = [];
  const counting = (url, init) => {
    if (init.method === 'PUT') sent.push(Number(new URL(url).searchParams.get('chunk_offset')));
    return fetch(url, init);
  };
  const client = connect({ fetch: counting });
  const { document, sessionId } = await client.uploadFile(await openFile(good), {
    autoBuildIndex: true,
    waitForImport: true,
  });
  assert.equal(sessionId, first.sessionId);
  assert.ok(Math.min(...sent) >= 2 * MIB, `${sent}`);
  assert.equal(document.sha256, digest(await readFile(good)));
  assert.equal(document.index_status, indexed ? 'done' : 'none');
});

test('a file that was edited between two attempts is not stored', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edited-'));
  try {
    const path = join(folder, 'edited.pdf');
    const original = Buffer.concat([await readFile(good), Buffer.from('% another version')]);
    await writeFile(path, original);
    const stop = new AbortController();
    const slowly = { parallel: 1, signal: stop.signal };
    const first = connect().startUpload(await openFile(path), slowly);
    await until(() => first.snapshot.durable >= 3 * MIB);
    stop.abort();
    await assert.rejects(first.done);

    const edited = Buffer.from(original);
    edited.write('edited', 200 * 1024); // Between the samples of the fingerprint.
    await writeFile(path, edited);
    const client = connect();
    const before = (await client.documents.list()).total;
    const second = client.startUpload(await openFile(path));
    await assert.rejects(second.done, { name: 'FileChanged', code: 'file-changed' });
    assert.equal(second.sessionId, first.sessionId);
    assert.equal(second.snapshot.state, 'failed');
    assert.equal((await client.documents.list()).total, before);

    const { document } = await client.uploadFile(await openFile(path));
    assert.equal(document.sha256, digest(edited));
    await client.documents.delete(document.id);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the finished document can be searched', { skip: !indexed && 'there is no index' }, async () => {
  const client = connect();
  const [{ id }] = (await client.documents.list()).documents;
  const passages = await client.search('northern canal', { topK: 3 });
  assert.equal(passages[0].document_id, id);
  assert.match(passages[0].text, /canal/);
  assert.ok(passages[0].snippet.some(({ marked, text }) => marked && /canal/.test(text)));
  assert.ok(passages[0].place.marks.length > 0);
  await client.documents.setTags(id, ['water']);
  const none = await client.searchPage('northern canal', { filter: { tags: ['fire'] } });
  assert.deepEqual(none, { results: [], documents: [], next: null, note: '' });
});

test('the finished document can be read, renamed, fetched and deleted', async () => {
  const client = connect();
  const [{ id }] = (await client.documents.list()).documents;
  assert.deepEqual((await client.documents.setTags(id, ['water'])).tags, ['water']);
  assert.match((await client.documents.pageText(id, 2)).text, /Page 2/);
  const picture = new Uint8Array(await (await client.documents.thumbnail(id, 1, { width: 120 })).arrayBuffer());
  assert.deepEqual([...picture.slice(0, 3)], [0xff, 0xd8, 0xff]);
  assert.equal((await client.documents.rename(id, 'Canals')).title, 'Canals');
  const part = await (await client.documents.file(id, { range: [0, 5] })).text();
  assert.equal(part, '%PDF-');
  const again = await client.uploadFile(await openFile(good));
  assert.equal(again.duplicate, true);
  assert.equal(again.document.id, id);
  await client.documents.delete(id);
  await assert.rejects(client.documents.get(id), pdfsluice.DocumentNotFound);
});

for (const implementation of [WebSocket, null]) {
  test(`progress comes ${implementation ? 'over the WebSocket' : 'by polling'}`, async () => {
    const client = connect({ WebSocket: implementation, pollInterval: 20, parallel: 1 });
    const seen = [];
    const { document } = await client.uploadFile(await openFile(good), {
      onProgress: ({ validated, totalSize }) => seen.push(validated / totalSize),
    });
    assert.ok(seen.some((share) => share > 0 && share < 1), 'nothing between start and end');
    await client.documents.delete(document.id);
  });
}

test('a malicious file is refused while it arrives, with the reason', async () => {
  const upload = connect({ parallel: 1 }).startUpload(await openFile(bad));
  await assert.rejects(upload.done, (error) => {
    assert.ok(error instanceof pdfsluice.ContentRejected);
    assert.ok(error.findings.some(({ kind }) => kind === 'launch'));
    return true;
  });
  assert.ok(upload.snapshot.durable < upload.snapshot.totalSize);
});

test('errors carry code and hint', async () => {
  const client = connect();
  await assert.rejects(client.sessions.get('00000000-0000-4000-8000-000000000000'), (error) => {
    assert.ok(error instanceof pdfsluice.SessionNotFound);
    assert.equal(error.status, 404);
    assert.ok(error.message.length > 0 && error.requestId.length > 0);
    return true;
  });
  await assert.rejects(client.uploadFile(Object.assign(new Blob([]), { name: 'empty.pdf' })), {
    code: 'bad-request',
  });
});

test('the client returns the operations of the server', async () => {
  const client = connect();
  assert.equal((await client.info()).name, 'pdfsluice');
  assert.ok((await client.memoryStats()).memory_limit_mb > 0);
  assert.ok((await client.plugins()).parts.gates.includes('memory'));
  assert.ok((await client.metrics()).pdfsluice_committed_bytes_total > 0);
});

test('a text is compressed from its first piece on', async () => {
  const text = `%PDF-1.7\n${'% The keeper of the lock opens the paddles.\n'.repeat(20_000)}%%EOF`;
  const codings = [];
  const counting = (url, init) => {
    if (init.method === 'PUT') codings.push(init.headers['Content-Encoding'] ?? '');
    return fetch(url, init);
  };
  const client = connect({ fetch: counting });
  const upload = client.startUpload(new Blob([text]), { filename: 'text.pdf' });
  await upload.done.catch(() => {}); // Whether it is a document is not what is tested.
  assert.equal(codings[0], 'gzip');
  assert.equal(upload.snapshot.durable, text.length);

  codings.length = 0;
  const plain = client.startUpload(new Blob([`${text}\n`]), { filename: 'text.pdf', compress: false });
  await plain.done.catch(() => {});
  assert.ok(codings.length > 0 && codings.every((coding) => coding === ''));
});

test('of a new version only what changed is sent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'version-'));
  try {
    const first = await connect().uploadFile(await openFile(good));
    const path = join(folder, 'canal.pdf');
    const edited = Buffer.concat([await readFile(good), Buffer.from('\n% one more line\n')]);
    await writeFile(path, edited);
    const sent = [];
    const counting = (url, init) => {
      if (init.method === 'PUT') sent.push(init.body.size);
      return fetch(url, init);
    };
    const client = connect({ fetch: counting });
    const { document } = await client.uploadFile(await openFile(path), { replaces: first.document.id });
    assert.equal(document.sha256, digest(edited));
    assert.ok(sent.reduce((sum, size) => sum + size) < edited.length / 100, `${sent}`);
    const versions = await client.documents.versions(first.document.id);
    assert.equal(versions[0].id, document.id);
    assert.equal(versions[1].replaced_by, document.id);
    const again = await client.uploadFile(await openFile(path), { replaces: document.id });
    assert.deepEqual([again.duplicate, again.document.id], [true, document.id]);
    await client.documents.delete(document.id);
    assert.equal((await client.documents.get(versions[1].id)).replaced_by, null);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('rates are changed, and return to the settings', async () => {
  const { rates } = connect();
  const before = await rates.get();
  const after = await rates.set({ session: 64 * MIB, download: 0 });
  assert.equal(after.session, 64 * MIB);
  assert.deepEqual(after.changed, ['session', 'download']);
  assert.deepEqual(await rates.set({}), before);
  await assert.rejects(rates.set({ session: -1 }), { code: 'bad-request' });
});
