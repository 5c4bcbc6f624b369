/** The public face of the package. `FileStorage` and `openFile` for Node are in `node.js`. */
export { DocumentsApi, SessionsApi, importEnded } from './api.js';
export { StreamingUploadClient } from './client.js';
export * from './errors.js';
export { EventChannel } from './events.js';
export { fingerprint } from './fingerprint.js';
export { FINGERPRINT } from './session-opener.js';
export { MemoryStorage, WebStorage } from './storage.js';
export { ChunkState } from './types.js';
export { Upload } from './upload.js';
