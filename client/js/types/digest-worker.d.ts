/** The worker's side of `digester.js`: digests one file. */
export {};
