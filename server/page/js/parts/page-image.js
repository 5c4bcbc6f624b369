/** The picture of a page, fetched when it comes into view; the API key travels in a header. */

import { h } from '../dom.js';
import { t } from '../strings.js';

/** @type {WeakMap<Element, () => void>} */
const loaders = new WeakMap();
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      loaders.get(target)?.();
    }
  },
  { rootMargin: '200px' },
);

/**
 * @param {import('/assets/client/index.js').StreamingUploadClient} client
 * @param {{id: number, title: string}} document
 * @param {number} page
 * @param {number} width In CSS pixels.
 * @returns {HTMLElement}
 */
export function pageImage(client, document, page, width) {
  const frame = h('span', { class: 'page-image', data: { empty: true } });
  const load = async () => {
    try {
      const pixels = Math.round(width * Math.min(2, devicePixelRatio));
      const url = URL.createObjectURL(await client.documents.thumbnail(document.id, page, { width: pixels }));
      const image = h('img', {
        src: url,
        alt: t.documents.thumbnail(document.title, page),
        onload: () => URL.revokeObjectURL(url),
      });
      frame.dataset.empty = 'false';
      frame.replaceChildren(image);
    } catch {
      // A page that cannot be drawn keeps its empty frame; everything else still works.
    }
  };
  loaders.set(frame, load);
  observer.observe(frame);
  return frame;
}
