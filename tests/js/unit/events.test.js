/** Live events: rooms, reconnection, polling while the socket is away. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import WebSocket from 'ws';
import { EventChannel } from '../../../client/js/src/events.js';
import { until } from '../support/files.js';
import { TestServer } from '../support/server.js';

let server;
let channel;
let polls;
let lockedOut;

beforeEach(async () => {
  server = await TestServer.start();
  polls = [];
  lockedOut = false;
  channel = new EventChannel({
    url: `${server.url.replace('http', 'ws')}/ws/me?detail=full`,
    protocols: () => ['pdfsluice.v1', 'bearer.secret'],
    WebSocket,
    fetchSession: async (sessionId) => {
      polls.push(sessionId);
      return { session_id: sessionId, status: 'uploading' };
    },
    isLockedOut: async () => lockedOut,
    policy: { baseDelay: 1, maxDelay: 2, giveUpAfter: 1000 },
    pollInterval: 5,
  });
});

afterEach(async () => {
  channel.close();
  await server.stop();
});

const rooms = () => [...server.sockets].flatMap((ws) => [...ws.rooms]);

test('a subscriber receives events of its own session and of no other', async () => {
  const heard = [];
  channel.watch('a', (event) => heard.push(event));
  channel.watch('b', () => {});
  await until(() => rooms().length === 2);
  server.tell('b', { type: 'chunk_progress', session_id: 'b' });
  server.tell('a', { type: 'upload_progress', data: { session_id: 'a' } });
  await until(() => heard.some((event) => event.type === 'upload_progress'));
  assert.ok(heard.every((event) => (event.session_id ?? event.data.session_id) === 'a'));
});

test('a lost connection is replaced, and its rooms are joined again', async () => {
  const changes = [];
  channel.listen((event) => event.type === 'connection' && changes.push(event.live));
  channel.watch('a', () => {});
  await until(() => rooms().includes('upload_a'));
  for (const ws of server.sockets) ws.terminate();
  await until(() => changes.length === 3 && rooms().includes('upload_a'));
  assert.deepEqual(changes, [true, false, true]);
});

test('sessions are polled only while there is no connection', async () => {
  server.refuseWebSocket = true;
  const heard = [];
  channel.watch('a', (event) => heard.push(event.type));
  await until(() => heard.includes('session'));
  server.refuseWebSocket = false;
  await until(() => channel.live);
  const before = polls.length;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.ok(polls.length - before <= 1);
});

test('the connection closes without subscribers', async () => {
  const stop = channel.watch('a', () => {});
  await until(() => channel.live);
  stop();
  stop();
  await until(() => server.sockets.size === 0);
  assert.equal(channel.live, false);
});

test('a key that cannot be a subprotocol does no harm', async () => {
  let key = 'no token';
  channel.options.protocols = () => ['pdfsluice.v1', `bearer.${key}`];
  channel.watch('one', () => {});
  await until(() => polls.length > 0);
  assert.equal(channel.live, false);
  key = 'token';
  channel.restart();
  await until(() => channel.live);
});

test('a new key reconnects', async () => {
  channel.watch('a', () => {});
  await until(() => channel.live);
  const [first] = server.sockets;
  channel.restart();
  await until(() => channel.live && !server.sockets.has(first));
});

test('without a key that is good nothing is tried again until there is another one', async () => {
  let tries = 0;
  const changes = [];
  server.refuseWebSocket = true;
  server.http.on('upgrade', () => (tries += 1));
  channel.listen((event) => event.type === 'connection' && changes.push(channel.lockedOut));
  await until(() => tries >= 3);
  lockedOut = true;
  await until(() => channel.lockedOut);
  assert.deepEqual(changes, [true]);
  const before = tries;
  channel.wake();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(tries, before);
  server.refuseWebSocket = false;
  channel.restart();
  await until(() => channel.live);
  assert.equal(channel.lockedOut, false);
});
