/** Rectangles of passages and of the words of a query, over the picture of their page. */

const SVG = 'http://www.w3.org/2000/svg';
/** A picture is at most so many times as high as it is wide; a longer page is drawn smaller. */
const MAX_ASPECT = 4;

/**
 * @param {import('/assets/client/index.js').PassagePlace[]} places All of one page.
 * @returns {SVGElement}
 */
export function pageMarks(places) {
  const [{ width, height }] = places;
  const drawn = Math.max(width, height / MAX_ASPECT);
  const svg = element('svg', { class: 'page-marks', 'aria-hidden': 'true' });
  svg.setAttribute('viewBox', `${(width - drawn) / 2} 0 ${drawn} ${height}`);
  for (const { rectangles, marks } of places) {
    svg.append(...rectangles.map((each) => rectangle(each, 'passage')), ...marks.map((each) => rectangle(each, 'word')));
  }
  return svg;
}

function rectangle([left, top, right, bottom], name) {
  return element('rect', { class: name, x: left, y: top, width: right - left, height: bottom - top });
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
