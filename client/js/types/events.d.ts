/**
 * Live events: one WebSocket for all uploads of a client, and polling while there is none
 * (no implementation, a proxy that forbids it, a server that is being restarted).
 */
export type Listener = (event: any) => void;
export declare class EventChannel {
    #private;
    options: {
        url: string;
        protocols: () => string[];
        WebSocket: typeof WebSocket | undefined;
        fetchSession: (sessionId: string) => Promise<unknown>;
        isLockedOut: () => Promise<boolean>;
        policy: import('./retry.js').RetryPolicy;
        pollInterval: number;
    };
    wake: () => void;
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
    constructor(options: {
        url: string;
        protocols: () => string[];
        WebSocket: typeof WebSocket | undefined;
        fetchSession: (sessionId: string) => Promise<unknown>;
        isLockedOut: () => Promise<boolean>;
        policy: import('./retry.js').RetryPolicy;
        pollInterval: number;
    });
    /** Whether events come over the WebSocket at this moment. */
    get live(): boolean;
    /** Whether no connection is tried because the key is absent or wrong; see `restart`. */
    get lockedOut(): boolean;
    /**
     * Subscribe to one session.
     *
     * @param {string} sessionId
     * @param {Listener} listener
     * @returns {() => void} Stops it.
     */
    watch(sessionId: string, listener: Listener): () => void;
    /**
     * Subscribe to everything: events of watched sessions, warnings, and `connection` changes.
     *
     * @param {Listener} listener
     * @returns {() => void} Stops it.
     */
    listen(listener: Listener): () => void;
    /**
     * Subscribe to each reconnection. Keeps no connection open by itself.
     *
     * @param {() => void} listener
     * @returns {() => void} Stops it.
     */
    onLive(listener: () => void): () => void;
    /** Drop the connection and connect again, with the key that is set now. */
    restart(): void;
    close(): void;
}
