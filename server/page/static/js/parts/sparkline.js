/** A small line of the last values. */

const SVG = 'http://www.w3.org/2000/svg';
const KEPT = 90;

export class Sparkline {
  /** @type {number[]} */
  #values = [];

  /** @param {string} label */
  constructor(label) {
    this.element = document.createElementNS(SVG, 'svg');
    this.element.setAttribute('viewBox', `0 0 ${KEPT - 1} 100`);
    this.element.setAttribute('preserveAspectRatio', 'none');
    this.element.setAttribute('role', 'img');
    this.element.setAttribute('aria-label', label);
    this.area = this.#path('area');
    this.line = this.#path('line');
  }

  /**
   * @param {number} value
   * @param {number} [ceiling] The value at the upper edge; the greatest one shown, if absent.
   */
  add(value, ceiling) {
    this.#values.push(value);
    if (this.#values.length > KEPT) this.#values.shift();
    if (this.#values.length < 2) return;
    const top = Math.max(ceiling ?? 0, ...this.#values) || 1;
    const first = KEPT - this.#values.length;
    const points = this.#values.map((v, i) => `${first + i},${(100 - (v / top) * 96).toFixed(1)}`);
    this.line.setAttribute('d', `M${points.join('L')}`);
    this.area.setAttribute('d', `M${first},100L${points.join('L')}L${KEPT - 1},100Z`);
  }

  /** @param {string} name */
  #path(name) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', name);
    this.element.append(path);
    return path;
  }
}
