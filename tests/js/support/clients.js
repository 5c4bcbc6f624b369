/** A server for each test of a file, and clients that are closed after the test. */

import { afterEach, beforeEach } from 'node:test';
import WebSocket from 'ws';
import * as pdfsluice from '../../../client/js/src/index.js';
import { KIB } from './files.js';
import { TestServer } from './server.js';

/** A policy for retries that waits for milliseconds. */
export const FAST = { baseDelay: 1, maxDelay: 5, giveUpAfter: 4000 };

/** The server of the running test. */
export let server;
let clients;

/** Start a server before each test and stop it after; for the top of a file of tests. */
export function useServer() {
  beforeEach(async () => {
    server = await TestServer.start({ chunkSize: 16 * KIB });
    clients = [];
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    await server.stop();
  });
}

/** Replace the server of the running test by one with other options. */
export async function restart(options) {
  await server.stop();
  server = await TestServer.start(options);
}

/** Return a client of the server, closed after the test. */
export function connect(options = {}) {
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
