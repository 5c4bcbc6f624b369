/** The picture of a page, fetched when it comes into view; the API key travels in a header. */

import { h } from '../dom.js';
import { pageMarks } from './page-marks.js';
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

/** Milliseconds before each further try if the server is busy or cannot be reached. */
const PAUSES = [1000, 4000, 10_000];

/**
 * @param {import('/assets/client/index.js').StreamingUploadClient} client
 * @param {{id: number, title: string}} document
 * @param {number} page
 * @param {number} width In CSS pixels.
 * @param {import('/assets/client/index.js').PassagePlace[]} [places] What is marked on it.
 * @returns {HTMLElement}
 */
export function pageImage(client, document, page, width, places = []) {
  const frame = h('span', { class: 'page-image', data: { empty: true } });
  const fetchPicture = () => {
    const pixels = Math.round(width * Math.min(2, devicePixelRatio));
    return client.documents.thumbnail(document.id, page, { width: pixels });
  };
  const load = async (tries = PAUSES) => {
    try {
      show(frame, await fetchPicture(), t.documents.thumbnail(document.title, page));
      if (places.length > 0) frame.append(pageMarks(places));
    } catch (error) {
      const [pause, ...others] = tries;
      if (error.retryable && pause && frame.isConnected) setTimeout(() => load(others), pause);
      else frame.replaceChildren(h('span', {}, t.documents.noPreview));
    }
  };
  loaders.set(frame, load);
  observer.observe(frame);
  return frame;
}

function show(frame, picture, alt) {
  const url = URL.createObjectURL(picture);
  const image = h('img', { src: url, alt, onload: () => URL.revokeObjectURL(url) });
  frame.dataset.empty = 'false';
  frame.replaceChildren(image);
}
