/** Uploads against a server that fails on demand. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';
import * as pdfsluice from '../../../client/js/src/index.js';
import { FAST, connect, restart, server, useServer } from '../support/clients.js';
import { KIB, content, digest, file, until } from '../support/files.js';
import { problem } from '../support/server.js';

useServer();

const isChunk = (request) => request.method === 'PUT';
const chunkIds = () =>
  server.log.filter((line) => line.startsWith('PUT')).map((line) => Number(/chunk_id=(\d+)/.exec(line)[1]));

test('the document has the bytes of the file, whatever its size', async () => {
  const client = connect();
  for (const size of [1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 100 * KIB + 7]) {
    const { document, duplicate } = await client.uploadFile(file(size, { seed: size }));
    assert.equal(document.sha256, digest(content(size, size)));
    assert.equal(duplicate, false);
  }
});

test('each chunk carries its digest unless that is switched off', async () => {
  const client = connect();
  const { sessionId } = await client.uploadFile(file(40 * KIB));
  assert.equal(server.sessions.get(sessionId).digests, 3);
  const plain = await client.uploadFile(file(40 * KIB, { seed: 2 }), { checksum: false });
  assert.equal(server.sessions.get(plain.sessionId).digests, 0);
});

test('progress counts up to the end and names every stage of it', async () => {
  const seen = [];
  await connect().uploadFile(file(80 * KIB), { onProgress: (snapshot) => seen.push(snapshot) });
  const durable = seen.map((snapshot) => snapshot.durable);
  assert.deepEqual(durable, [...durable].sort((a, b) => a - b));
  assert.equal(durable.at(-1), 80 * KIB);
  const states = [...new Set(seen.map((snapshot) => snapshot.state))];
  assert.deepEqual(states, ['preparing', 'uploading', 'finishing', 'completed']);
  assert.ok(seen.at(-1).chunks.every((state) => state === pdfsluice.ChunkState.durable));
});

test('several chunks are in flight, no more than asked for', async () => {
  let inFlight = 0;
  let most = 0;
  server.intercept = async (request) => {
    if (!isChunk(request)) return;
    inFlight += 1;
    most = Math.max(most, inFlight);
    await new Promise((resolve) => setTimeout(resolve, 10));
    inFlight -= 1;
  };
  await connect().uploadFile(file(320 * KIB));
  assert.ok(most >= 2, `${most} in flight`);
  most = 0;
  await connect().uploadFile(file(160 * KIB, { seed: 3 }), { parallel: 1 });
  assert.equal(most, 1);
});

test('broken connections and overload only delay the upload', async () => {
  let count = 0;
  server.intercept = (request) => {
    if (!isChunk(request)) return undefined;
    count += 1;
    if (count % 3 === 1) return 'cut';
    if (count % 3 === 2) return { status: 503, body: problem(503, 'overloaded', 'Busy.') };
    return undefined;
  };
  const waits = [];
  const { document } = await connect().uploadFile(file(64 * KIB), {
    onProgress: ({ state, waiting }) => state === 'waiting' && waits.push(waiting.error),
  });
  assert.equal(document.sha256, digest(content(64 * KIB)));
  assert.ok(waits.some((error) => error instanceof pdfsluice.NetworkError));
  assert.ok(waits.some((error) => error instanceof pdfsluice.Overloaded));
});

test('the server is waited for while it restarts on the same port', async () => {
  const client = connect();
  let chunks = 0;
  const restart = async () => {
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await server.listen(server.port);
  };
  let restarted;
  server.intercept = (request) => {
    if (isChunk(request) && ++chunks === 3) restarted = restart();
  };
  const { document } = await client.uploadFile(file(128 * KIB));
  await restarted;
  assert.equal(document.sha256, digest(content(128 * KIB)));
  assert.equal(server.sessions.size, 1);
});

test('a chunk that was damaged on the way is sent again', async () => {
  let damaged = false;
  server.intercept = (request) => {
    if (!isChunk(request) || damaged) return undefined;
    damaged = true;
    return { status: 422, body: problem(422, 'checksum-mismatch', 'Damaged on the way.') };
  };
  const { document } = await connect().uploadFile(file(20 * KIB));
  assert.equal(document.sha256, digest(content(20 * KIB)));
});

test('giving up ends with the last error and leaves the upload resumable', async () => {
  const storage = new pdfsluice.MemoryStorage();
  const client = connect({ storage, retry: { ...FAST, giveUpAfter: 20 } });
  server.intercept = (request) => (isChunk(request) ? 'cut' : undefined);
  await assert.rejects(client.uploadFile(file(20 * KIB)), pdfsluice.NetworkError);
  assert.equal(storage.entries().length, 1);
  server.intercept = () => undefined;
  const { document } = await client.uploadFile(file(20 * KIB));
  assert.equal(document.sha256, digest(content(20 * KIB)));
  assert.equal(server.sessions.size, 1);
});

test('pause stops sending, resume sends only what is missing', async () => {
  const client = connect({ parallel: 1 });
  const upload = client.startUpload(file(160 * KIB));
  await until(() => upload.snapshot.durable >= 48 * KIB);
  client.pause();
  assert.equal(upload.snapshot.state, 'paused');
  const before = server.log.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(server.log.length - before <= 1, 'requests were sent while paused');
  client.resume(upload.sessionId);
  await upload.done;
  const counts = chunkIds().reduce((all, id) => all.set(id, (all.get(id) ?? 0) + 1), new Map());
  assert.equal([...counts.values()].filter((count) => count > 1).length <= 1, true);
  assert.equal(server.documents[0].sha256, digest(content(160 * KIB)));
});

test('pausing and resuming immediately leaves one run', async () => {
  const upload = connect().startUpload(file(64 * KIB));
  for (let i = 0; i < 5; i += 1) {
    upload.pause();
    upload.resume();
    await Promise.resolve();
  }
  upload.pause();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(upload.snapshot.state, 'paused');
  upload.resume();
  const { document } = await upload.done;
  assert.equal(document.sha256, digest(content(64 * KIB)));
});

for (const paused of [false, true]) {
  test(`cancel frees the server's bytes${paused ? ', also of a paused upload' : ''}`, async () => {
    const storage = new pdfsluice.MemoryStorage();
    const upload = connect({ parallel: 1, storage }).startUpload(file(160 * KIB));
    await until(() => upload.snapshot.durable > 0);
    if (paused) upload.pause();
    await upload.cancel();
    await assert.rejects(upload.done, pdfsluice.UploadCancelled);
    assert.equal(upload.snapshot.state, 'cancelled');
    assert.equal(server.sessions.get(upload.sessionId).status, 'cancelled');
    assert.equal(storage.entries().length, 0);
  });
}

test('cancelling lasts until the server has confirmed it', async () => {
  const storage = new pdfsluice.MemoryStorage();
  const retry = { ...FAST, baseDelay: 60_000, maxDelay: 60_000, giveUpAfter: Infinity };
  const upload = connect({ parallel: 1, storage, retry, WebSocket: null }).startUpload(file(160 * KIB));
  await until(() => upload.snapshot.durable > 0);
  server.intercept = () => 'cut';
  const cancelling = upload.cancel();
  await until(() => upload.snapshot.waiting);
  assert.equal(upload.snapshot.state, 'cancelling');
  assert.equal(upload.ended, false);
  assert.equal(storage.entries().length, 1);
  upload.pause();
  assert.equal(upload.snapshot.state, 'cancelling');
  server.intercept = () => undefined;
  upload.resume();
  await cancelling;
  assert.equal(upload.snapshot.state, 'cancelled');
  assert.equal(server.sessions.get(upload.sessionId).status, 'cancelled');
  assert.equal(storage.entries().length, 0);
});

test('cancelling continues by itself when the connection is back', async () => {
  const retry = { ...FAST, giveUpAfter: Infinity };
  const upload = connect({ parallel: 1, retry }).startUpload(file(160 * KIB));
  await until(() => upload.snapshot.durable > 0 && server.sockets.size > 0);
  await server.stop();
  const cancelling = upload.cancel();
  await until(() => upload.snapshot.waiting);
  assert.equal(upload.snapshot.state, 'cancelling');
  await server.listen(server.port);
  await cancelling;
  assert.equal(upload.snapshot.state, 'cancelled');
});

test('a live connection ends the wait for the next try', async () => {
  const client = connect({ parallel: 1 });
  const upload = client.startUpload(file(160 * KIB));
  await until(() => client.channel.live);
  let woken = 0;
  const stop = client.channel.onLive(() => (woken += 1));
  for (const socket of server.sockets) socket.terminate();
  await until(() => woken === 1);
  stop();
  await upload.cancel();
});

test('cancelling what was completed before ends with the document', async () => {
  const upload = connect({ parallel: 1 }).startUpload(file(160 * KIB));
  await until(() => upload.snapshot.durable > 0);
  server.intercept = (request, url) => {
    if (!url.pathname.includes('/cancel/')) return undefined;
    return { status: 409, body: problem(409, 'state-conflict', 'The upload is completed.') };
  };
  await upload.cancel();
  const { document } = await upload.done;
  assert.equal(upload.snapshot.state, 'completed');
  assert.equal(document.sha256, digest(content(160 * KIB)));
});

test('cancelling what was refused before ends with the refusal', async () => {
  const findings = [{ kind: 'launch', severity: 'critical', message: 'It starts a program.' }];
  const upload = connect({ parallel: 1, WebSocket: null, pollInterval: 60_000 }).startUpload(file(160 * KIB));
  await until(() => upload.snapshot.durable > 0);
  server.intercept = (request, url) => {
    if (!url.pathname.includes('/cancel/')) return undefined;
    Object.assign(server.sessions.get(upload.sessionId), { status: 'rejected', findings });
    return { status: 409, body: problem(409, 'state-conflict', 'The upload is rejected.') };
  };
  await upload.cancel();
  assert.equal(upload.snapshot.state, 'rejected');
  assert.deepEqual(upload.snapshot.findings, findings);
});

test('an abort signal stops the upload and leaves it resumable', async () => {
  const storage = new pdfsluice.MemoryStorage();
  const client = connect({ parallel: 1, storage });
  const stop = new AbortController();
  const upload = client.startUpload(file(160 * KIB), { signal: stop.signal });
  await until(() => upload.snapshot.durable > 0);
  stop.abort();
  await assert.rejects(upload.done, { name: 'AbortError' });
  const before = chunkIds().length;
  await client.uploadFile(file(160 * KIB));
  assert.equal(server.sessions.size, 1);
  assert.ok(chunkIds().length - before < 10, 'everything was sent again');
});

test('the same content is resumed from another device, another file of that name is not', async () => {
  const first = connect({ parallel: 1 });
  const upload = first.startUpload(file(160 * KIB));
  await until(() => upload.snapshot.durable >= 32 * KIB);
  upload.pause();

  const other = await connect().uploadFile(file(160 * KIB, { seed: 9 }));
  assert.notEqual(other.sessionId, upload.sessionId);

  const seen = [];
  const same = await connect().uploadFile(file(160 * KIB), { onProgress: (s) => seen.push(s) });
  assert.equal(same.sessionId, upload.sessionId);
  assert.equal(seen.at(-1).resumed, true);
});

test('continuing a session with another file is refused before a byte is sent', async () => {
  const client = connect({ parallel: 1 });
  const upload = client.startUpload(file(160 * KIB));
  await until(() => upload.snapshot.durable > 0);
  upload.pause();
  const before = chunkIds().length;
  const wrong = connect().uploadFile(file(160 * KIB, { seed: 5 }), { sessionId: upload.sessionId });
  await assert.rejects(wrong, { code: 'file-mismatch' });
  assert.ok(chunkIds().length <= before + 1);
});

test('the same file twice in one client is one upload', async () => {
  const client = connect({ parallel: 1 });
  const upload = client.startUpload(file(160 * KIB));
  await until(() => upload.sessionId !== '');
  await assert.rejects(client.uploadFile(file(160 * KIB)), { code: 'already-uploading' });
  await upload.done;
});

test('an unfinished upload that the server has forgotten is started again', async () => {
  const client = connect({ parallel: 1 });
  const upload = client.startUpload(file(64 * KIB));
  await until(() => upload.snapshot.durable > 0);
  const stopped = assert.rejects(upload.done);
  upload.pause();
  server.sessions.clear();
  upload.resume();
  await stopped;
  const { document } = await client.uploadFile(file(64 * KIB));
  assert.equal(document.sha256, digest(content(64 * KIB)));
});

test('a refusal over the WebSocket ends the upload immediately, with the findings', async () => {
  const findings = [{ kind: 'launch', severity: 'critical', message: 'It starts a program.' }];
  const upload = connect({ parallel: 1 }).startUpload(file(320 * KIB));
  await until(() => upload.snapshot.durable > 0 && server.sockets.size > 0);
  const session = server.sessions.get(upload.sessionId);
  await until(() => [...server.sockets].some((ws) => ws.rooms.size > 0));
  Object.assign(session, { status: 'rejected', findings });
  server.tell(upload.sessionId, { type: 'upload_status', session_id: upload.sessionId, status: 'rejected' });
  await assert.rejects(upload.done, (error) => {
    assert.ok(error instanceof pdfsluice.ContentRejected);
    assert.deepEqual(error.findings, findings);
    return true;
  });
  assert.equal(upload.snapshot.state, 'rejected');
  assert.deepEqual(upload.snapshot.findings, findings);
  assert.ok(chunkIds().length < 20);
});

test('without a WebSocket answers and polls report the same', async () => {
  server.refuseWebSocket = true;
  for (const implementation of [null, WebSocket]) {
    const client = connect({ WebSocket: implementation });
    const seed = implementation ? 1 : 2;
    const seen = [];
    server.intercept = async (request) => {
      if (isChunk(request)) await new Promise((resolve) => setTimeout(resolve, 8));
    };
    await client.uploadFile(file(128 * KIB, { seed }), { onProgress: (s) => seen.push(s.validated) });
    assert.ok(seen.some((validated) => validated > 0 && validated < 128 * KIB));
    assert.equal(client.channel.live, false);
  }
});

test('a slow line loses no more than a piece of a chunk when it is paused', async () => {
  await restart({});
  const MIB = 1024 * KIB;
  const client = connect({ parallel: 1 });
  const upload = client.startUpload(file(12 * MIB));
  await until(() => upload.snapshot.durable >= MIB);
  upload.pause();
  const session = server.sessions.get(upload.sessionId);
  assert.equal(session.chunk_size, 8 * MIB);
  assert.equal(session.pieces.get(0).length, MIB);

  const sent = [];
  server.intercept = (request, url) => {
    if (isChunk(request)) sent.push(Number(url.searchParams.get('chunk_offset')));
  };
  upload.resume();
  assert.equal((await upload.done).document.sha256, digest(content(12 * MIB)));
  assert.ok(Math.min(...sent) >= MIB, 'what had arrived was sent again');
});

test('a file that cannot be read ends the upload with advice, not with retries', async () => {
  const source = file(64 * KIB);
  const broken = { size: source.size, name: 'gone.pdf', slice: (start, end) => failing(source.slice(start, end)) };
  let reads = 0;
  const failing = (blob) => {
    reads += 1;
    if (reads > 1) blob.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotReadableError'));
    return blob;
  };
  await assert.rejects(connect().uploadFile(broken), pdfsluice.FileUnreadable);
});
