/**
 * Where a client remembers its unfinished uploads: session ids under content fingerprints,
 * never content. A storage has four methods, which may be asynchronous; see `UploadStorage`
 * in `types.js`. `FileStorage` for Node is in `node.js`.
 */

/** @typedef {import('./types.js').StoredUpload} StoredUpload */

/** Forgets everything when the program ends. */
export class MemoryStorage {
  /** @type {Map<string, StoredUpload>} */
  #records = new Map();

  /** @param {string} key */
  get(key) {
    return this.#records.get(key) ?? null;
  }

  /**
   * @param {string} key
   * @param {StoredUpload} record
   */
  set(key, record) {
    this.#records.set(key, record);
  }

  /** @param {string} key */
  delete(key) {
    this.#records.delete(key);
  }

  entries() {
    return [...this.#records.entries()];
  }
}

/** Keeps records in `localStorage`, or in another area with the same interface. */
export class WebStorage {
  #area;
  #prefix;

  /**
   * @param {Storage} [area]
   * @param {string} [prefix]
   */
  constructor(area = globalThis.localStorage, prefix = 'pdfsluice:') {
    this.#area = area;
    this.#prefix = prefix;
  }

  /**
   * @param {string} key
   * @returns {StoredUpload | null}
   */
  get(key) {
    try {
      return JSON.parse(this.#area.getItem(this.#prefix + key) ?? 'null');
    } catch {
      return null; // Not ours, or damaged: as good as absent.
    }
  }

  /**
   * @param {string} key
   * @param {StoredUpload} record
   */
  set(key, record) {
    try {
      this.#area.setItem(this.#prefix + key, JSON.stringify(record));
    } catch {
      // Full, or forbidden in a private window. The server's list of unfinished uploads remains.
    }
  }

  /** @param {string} key */
  delete(key) {
    this.#area.removeItem(this.#prefix + key);
  }

  /** @returns {[string, StoredUpload][]} */
  entries() {
    const keys = Object.keys(this.#area).filter((key) => key.startsWith(this.#prefix));
    return keys.flatMap((key) => {
      const record = this.get(key.slice(this.#prefix.length));
      return record ? [/** @type {[string, StoredUpload]} */ ([key.slice(this.#prefix.length), record])] : [];
    });
  }
}

/**
 * The best storage that this place offers without asking.
 *
 * @returns {import('./types.js').UploadStorage}
 */
export function defaultStorage() {
  try {
    if (typeof document !== 'undefined') return new WebStorage();
  } catch {
    // Storage is switched off in this browser.
  }
  return new MemoryStorage();
}
