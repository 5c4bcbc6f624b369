/** Makes elements. Text is always text: nothing from outside is ever read as markup. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] `on…` are listeners, `data` is the dataset, `class` the
 *   class name; what is not a property becomes an attribute.
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any} The element.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) set(element, name, value);
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === 'class') element.className = value;
  else if (name === 'data') Object.assign(element.dataset, value);
  else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
  else if (name in element && name !== 'list') element[name] = value;
  else element.setAttribute(name, value === true ? '' : value);
}

/** Set text only if it changes, so that screen readers are not disturbed. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute only if it changes. */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Line drawings, 24 by 24. */
const PATHS = {
  pause: 'M9 5v14M15 5v14',
  play: 'M8 5l11 7-11 7z',
  close: 'M6 6l12 12M18 6L6 18',
  check: 'M4 12.5l5.2 5.2L20 7',
  stop: 'M12 3l9 16H3zM12 10v4.5M12 17v.2',
  refuse: 'M5.6 5.6l12.8 12.8M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.5M12 7.6v.2',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  key: 'M15 4a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM11.2 12.8L4 20v0h4v-3h3v-2.5',
};

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  const attributes = {
    viewBox: '0 0 24 24',
    fill: 'none',
    stroke: 'currentColor',
    'stroke-width': 1.75,
    'stroke-linecap': 'round',
    'stroke-linejoin': 'round',
    'aria-hidden': 'true',
  };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  svg.append(path);
  return svg;
}

export function button(label, onclick, { kind = '', picture = '', ...props } = {}) {
  const children = [picture && icon(picture), h('span', {}, label)];
  return h('button', { type: 'button', class: `button ${kind}`.trim(), onclick, ...props }, ...children);
}
