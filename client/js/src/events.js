/**
 * Live events: one WebSocket for all uploads of a client, and polling while there is none
 * (no implementation, a proxy that forbids it, a server that is being restarted).
 */

import { backoff } from './retry.js';

/** @typedef {(event: any) => void} Listener */

const PING_INTERVAL = 20_000;
const SILENCE = 45_000;

export class EventChannel {
  /** The subscribers of each session. @type {Map<string, Set<Listener>>} */
  #subscribers = new Map();
  /** The subscribers of everything. @type {Set<Listener>} */
  #listeners = new Set();
  /** Called after each reconnection. @type {Set<() => void>} */
  #onLive = new Set();
  /** @type {WebSocket | null} */
  #socket = null;
  #open = false;
  #lockedOut = false;
  #failures = 0;
  #lastMessageAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #reconnect;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pinging;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #polling;

  /**
   * @param {object} options
   * @param {string} options.url Address of the WebSocket.
   * @param {() => string[]} options.protocols
   * @param {typeof WebSocket | undefined} options.WebSocket
   * @param {(sessionId: string) => Promise<unknown>} options.fetchSession
   * @param {() => Promise<boolean>} options.isLockedOut Whether the key is absent or wrong.
   * @param {import('./retry.js').RetryPolicy} options.policy
   * @param {number} options.pollInterval Milliseconds.
   */
  constructor(options) {
    this.options = options;
    this.wake = () => {
      clearTimeout(this.#reconnect);
      this.#reconnect = undefined;
      this.#connect();
    };
  }

  /** Whether events come over the WebSocket at this moment. */
  get live() {
    return this.#open;
  }

  /** Whether no connection is tried because the key is absent or wrong; see `restart`. */
  get lockedOut() {
    return this.#lockedOut;
  }

  /**
   * Subscribe to one session.
   *
   * @param {string} sessionId
   * @param {Listener} listener
   * @returns {() => void} Stops it.
   */
  watch(sessionId, listener) {
    const subscribers = this.#subscribers.get(sessionId) ?? new Set();
    this.#subscribers.set(sessionId, subscribers.add(listener));
    if (subscribers.size === 1) this.#send({ type: 'join', room: `upload_${sessionId}` });
    this.#start();
    return () => {
      subscribers.delete(listener);
      if (subscribers.size > 0 || this.#subscribers.get(sessionId) !== subscribers) return;
      this.#subscribers.delete(sessionId);
      this.#send({ type: 'leave', room: `upload_${sessionId}` });
      this.#stopIfIdle();
    };
  }

  /**
   * Subscribe to everything: events of watched sessions, warnings, and `connection` changes.
   *
   * @param {Listener} listener
   * @returns {() => void} Stops it.
   */
  listen(listener) {
    this.#listeners.add(listener);
    this.#start();
    return () => {
      this.#listeners.delete(listener);
      this.#stopIfIdle();
    };
  }

  /**
   * Subscribe to each reconnection. Keeps no connection open by itself.
   *
   * @param {() => void} listener
   * @returns {() => void} Stops it.
   */
  onLive(listener) {
    this.#onLive.add(listener);
    return () => this.#onLive.delete(listener);
  }

  /** Drop the connection and connect again, with the key that is set now. */
  restart() {
    this.#disconnect();
    this.#start();
  }

  close() {
    this.#subscribers.clear();
    this.#listeners.clear();
    this.#stopIfIdle();
  }

  get #needed() {
    return this.#subscribers.size > 0 || this.#listeners.size > 0;
  }

  #start() {
    if (!this.#needed || this.#polling) return;
    this.#polling = setInterval(() => this.#poll(), this.options.pollInterval);
    globalThis.addEventListener?.('online', this.wake);
    this.#connect();
  }

  #stopIfIdle() {
    if (!this.#needed) this.#disconnect();
  }

  #disconnect() {
    clearInterval(this.#polling);
    clearInterval(this.#pinging);
    clearTimeout(this.#reconnect);
    this.#polling = undefined;
    this.#reconnect = undefined;
    globalThis.removeEventListener?.('online', this.wake);
    const socket = this.#socket;
    this.#socket = null;
    this.#lockedOut = false;
    this.#setOpen(false);
    socket?.close();
  }

  #connect() {
    const { WebSocket: Implementation, url, protocols } = this.options;
    if (!Implementation || this.#socket || this.#lockedOut || !this.#needed) return;
    let socket;
    try {
      socket = new Implementation(url, protocols());
    } catch {
      return; // A key that is no token cannot be a subprotocol: there is polling still.
    }
    this.#socket = socket;
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = ({ data }) => this.#received(socket, data);
    socket.onerror = () => {}; // A close event follows; it does the work.
    socket.onclose = () => this.#closed(socket);
  }

  /** @param {WebSocket} socket */
  #opened(socket) {
    if (socket !== this.#socket) return;
    this.#failures = 0;
    this.#lastMessageAt = Date.now();
    this.#setOpen(true);
    for (const sessionId of this.#subscribers.keys()) {
      this.#send({ type: 'join', room: `upload_${sessionId}` });
    }
    this.#pinging = setInterval(() => {
      // A connection that broke without a close is noticed because no pong comes.
      if (Date.now() - this.#lastMessageAt > SILENCE) socket.close();
      else this.#send({ type: 'ping' });
    }, PING_INTERVAL);
  }

  /** @param {WebSocket} socket */
  async #closed(socket) {
    if (socket !== this.#socket) return;
    const refused = !this.#open;
    clearInterval(this.#pinging);
    this.#setOpen(false);
    // Browsers do not report why a server refuses a WebSocket.
    const lockedOut = refused && (await this.options.isLockedOut());
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#lockedOut = lockedOut;
    if (lockedOut) return this.#announce();
    const delay = backoff(this.#failures++, this.options.policy);
    this.#reconnect = setTimeout(this.wake, delay);
  }

  /** @param {boolean} open */
  #setOpen(open) {
    if (open === this.#open) return;
    this.#open = open;
    this.#announce();
    if (open) for (const listener of [...this.#onLive]) listener();
  }

  #announce() {
    for (const listener of this.#listeners) listener({ type: 'connection', live: this.#open });
  }

  /**
   * @param {WebSocket} socket
   * @param {unknown} data
   */
  #received(socket, data) {
    if (socket !== this.#socket || typeof data !== 'string') return;
    this.#lastMessageAt = Date.now();
    this.#publish(JSON.parse(data));
  }

  /** @param {any} event */
  #publish(event) {
    const sessionId = event.session_id ?? event.data?.session_id;
    for (const listener of this.#subscribers.get(sessionId) ?? []) listener(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** @param {object} message */
  #send(message) {
    if (this.#open) this.#socket?.send(JSON.stringify(message));
  }

  async #poll() {
    if (this.#open) return;
    await Promise.all(
      [...this.#subscribers.keys()].map(async (sessionId) => {
        try {
          const session = await this.options.fetchSession(sessionId);
          this.#publish({ type: 'session', session_id: sessionId, session });
        } catch {
          // Progress is not worth an error: the requests of the upload itself report trouble.
        }
      }),
    );
  }
}
