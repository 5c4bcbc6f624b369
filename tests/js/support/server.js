/**
 * A server that implements the documented interface in memory, so that a test can make it fail
 * exactly where it wants: refuse, stall, cut, forget. What the real server does is tested in
 * `live/`.
 */

import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const STREAMING = '/api/documents/streaming';

export class TestServer {
  /** @type {Map<string, any>} */
  sessions = new Map();
  /** @type {any[]} */
  documents = [];
  /** Every request: `METHOD path`. @type {string[]} */
  log = [];
  /** Asked before each request; an answer other than `undefined` replaces the server's own. */
  intercept = (_request, _url) => undefined;
  sockets = new Set();

  static async start(options = {}) {
    const server = new TestServer();
    Object.assign(server, options);
    server.http = createServer((request, response) => server.#handle(request, response));
    server.ws = new WebSocketServer({ noServer: true, handleProtocols: () => 'pdfsluice.v1' });
    server.http.on('upgrade', (request, socket, head) => {
      if (server.refuseWebSocket) return socket.destroy();
      server.ws.handleUpgrade(request, socket, head, (ws) => server.#joined(ws));
    });
    await server.listen(0);
    return server;
  }

  async listen(port) {
    await new Promise((resolve) => this.http.listen(port, '127.0.0.1', resolve));
    this.port = this.http.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
  }

  async stop() {
    for (const ws of this.sockets) ws.terminate();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  tell(sessionId, event) {
    for (const ws of this.sockets) {
      if (ws.rooms.has(`upload_${sessionId}`)) ws.send(JSON.stringify(event));
    }
  }

  #joined(ws) {
    ws.rooms = new Set();
    this.sockets.add(ws);
    ws.on('close', () => this.sockets.delete(ws));
    ws.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.type === 'join') ws.rooms.add(message.room);
      if (message.type === 'leave') ws.rooms.delete(message.room);
      if (message.type === 'ping') ws.send('{"type":"pong"}');
      else ws.send(JSON.stringify({ type: message.type === 'join' ? 'joined' : 'left', room: message.room }));
    });
  }

  async #handle(request, response) {
    const url = new URL(request.url, this.url);
    this.log.push(`${request.method} ${url.pathname}${url.search}`);
    const reply = (status, value, headers = {}) => {
      const problem = status >= 400 ? 'application/problem+json' : 'application/json';
      response.writeHead(status, { 'Content-Type': problem, ...headers });
      response.end(JSON.stringify(value));
    };
    try {
      const answer = await this.intercept(request, url);
      if (answer === 'cut') return request.socket.destroy();
      if (answer) return reply(answer.status, answer.body, answer.headers);
      const body = await read(request);
      const result = this.#route(request, url, body);
      if (typeof result.status === 'number') reply(result.status, result.body);
      else reply(200, result);
    } catch (problem) {
      if (problem.code === 'ECONNRESET') return; // The client left before all of its request was here.
      if (!problem.code || !problem.status) throw problem;
      reply(problem.status, problem);
    }
  }

  #route(request, url, body) {
    const path = url.pathname;
    const route = `${request.method} ${path.replace(/[0-9a-f-]{36}$/, ':id')}`;
    const id = path.split('/').at(-1);
    const json = () => JSON.parse(body.toString() || '{}');
    switch (route) {
      case `POST ${STREAMING}/initiate`:
        return this.#initiate(json());
      case `PUT ${STREAMING}/chunk/:id`:
        return this.#chunk(this.#session(id), url.searchParams, body, request.headers);
      case `POST ${STREAMING}/resume`:
        return this.#view(this.#session(json().session_id));
      case `GET ${STREAMING}/resumable`:
        return [...this.sessions.values()].filter((s) => s.status === 'uploading').map((s) => this.#view(s));
      case `GET ${STREAMING}/:id`:
        return this.#view(this.#known(id));
      case `POST ${STREAMING}/complete/:id`:
        return this.#complete(this.#session(id), request.headers, json());
      case `POST ${STREAMING}/cancel/:id`:
        this.#session(id).status = 'cancelled';
        return { success: true, session_id: id, status: 'cancelled', message: '' };
      default:
        throw problem(404, 'not-found', 'There is nothing at this address.');
    }
  }

  #initiate({ filename, file_size, chunk_size, metadata = {}, title }) {
    const session = { filename, title, metadata, status: 'uploading', findings: [], document: null };
    session.session_id = randomUUID();
    session.total_size = file_size;
    session.chunk_size = this.chunkSize ?? chunk_size;
    session.pieces = new Map();
    this.sessions.set(session.session_id, session);
    return this.#view(session);
  }

  #known(id) {
    const session = this.sessions.get(id);
    if (!session) throw problem(404, 'session-not-found', 'There is no such upload.');
    return session;
  }

  #session(id) {
    const session = this.#known(id);
    if (session.status === 'cancelled') throw problem(410, 'session-ended', 'The upload was cancelled.');
    if (session.status === 'rejected') {
      throw problem(422, 'content-rejected', 'Refused.', { details: { findings: session.findings } });
    }
    return session;
  }

  #chunk(session, query, body, headers) {
    const id = Number(query.get('chunk_id'));
    const start = Number(query.get('chunk_offset'));
    if (Math.floor(start / session.chunk_size) !== id) throw problem(409, 'offset-conflict', 'Wrong place.');
    const room = Math.min(session.total_size, (id + 1) * session.chunk_size) - start;
    if (body.length > room) throw problem(413, 'size-exceeded', 'Too long.');
    const announced = /sha-256=:(.+):/.exec(headers['content-digest'] ?? '')?.[1];
    const actual = createHash('sha256').update(body).digest('base64');
    if (announced && announced !== actual) throw problem(422, 'checksum-mismatch', 'Damaged on the way.');
    session.digests = (session.digests ?? 0) + (announced ? 1 : 0);
    session.pieces.set(start, body);
    const view = this.#view(session);
    this.tell(session.session_id, { type: 'upload_progress', data: { ...view, uploaded_bytes: view.durable_bytes } });
    return { success: true, chunk_id: id, upload_complete: view.missing_chunks.length === 0 };
  }

  #complete(session, headers, { expected_hash }) {
    session.expected_hash ??= expected_hash ?? null;
    const { missing_chunks } = this.#view(session);
    if (missing_chunks.length > 0) {
      throw problem(409, 'upload-incomplete', 'Bytes are missing.', { details: { missing_chunks } });
    }
    if (headers.prefer === 'respond-async') {
      if (session.status === 'uploading') {
        session.status = 'validating';
        setTimeout(() => this.#settle(session), 5);
      }
      return { status: 202, body: { session_id: session.session_id, status: session.status } };
    }
    this.#settle(session);
    return { document: session.document, duplicate: false };
  }

  #settle(session) {
    const bytes = Buffer.alloc(session.total_size);
    for (const [start, piece] of session.pieces) piece.copy(bytes, start);
    session.document ??= {
      id: this.documents.length + 1,
      title: session.title ?? session.filename,
      filename: session.filename,
      file_size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      import_status: 'done',
      index_status: 'none',
    };
    const { sha256 } = session.document;
    if (session.expected_hash && session.expected_hash !== sha256) {
      session.status = 'failed';
      session.error = { code: 'digest-mismatch', message: 'The file has another digest.' };
      this.tell(session.session_id, { type: 'upload_status', session_id: session.session_id, status: 'failed' });
      return;
    }
    if (session.status !== 'completed') this.documents.push(session.document);
    session.status = 'completed';
    this.tell(session.session_id, { type: 'upload_status', session_id: session.session_id, status: 'completed' });
  }

  #view(session) {
    const { pieces, ...rest } = session;
    const { chunk_size: size, total_size: whole } = session;
    const total = Math.max(1, Math.ceil(whole / size));
    const gaps = missingRanges(pieces, whole);
    const missing = [...Array(total).keys()].filter((id) =>
      gaps.some(([start, end]) => start < Math.min(whole, (id + 1) * size) && id * size < end),
    );
    const durable = whole - gaps.reduce((sum, [start, end]) => sum + end - start, 0);
    return {
      ...rest,
      stage: session.status,
      total_chunks: total,
      uploaded_chunks: total - missing.length,
      missing_chunks: missing,
      missing_ranges: gaps,
      received_bytes: durable,
      durable_bytes: durable,
      validated_bytes: durable,
      imported: session.document ? 1 : 0,
      decision: 'note',
      unscanned: [],
      error: session.error ?? null,
    };
  }
}

/** Half-open ranges that no piece covers. */
function missingRanges(pieces, whole) {
  const gaps = [];
  let reached = 0;
  for (const [start, { length }] of [...pieces].sort(([a], [b]) => a - b)) {
    if (start > reached) gaps.push([reached, start]);
    reached = Math.max(reached, start + length);
  }
  if (reached < whole) gaps.push([reached, whole]);
  return gaps;
}

export function problem(status, code, detail, more = {}) {
  return { status, code, detail, hint: `What to do about ${code}.`, ...more };
}

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}
