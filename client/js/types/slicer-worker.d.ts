/** The worker's side of `slicer.js`: cuts chunks out of files and digests them. */
export {};
