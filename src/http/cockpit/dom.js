/**
 * Elements from data. Text is always text: nothing that came from a feed is ever read as HTML.
 *
 * @module
 */

/** Makes an element: `h("td", { class: "number", onclick }, "text", child)`. Nothing is made of what is null or false. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * Makes an element's children these, and leaves those that look the same as they are: what somebody is about to click, or
 * has come to by keyboard, must not be taken away under the hand.
 */
export function patch(element, children) {
  const before = [...element.children];
  if (before.length !== children.length) return element.replaceChildren(...children);
  for (const [at, child] of children.entries()) {
    const old = before[at];
    if (old.outerHTML === child.outerHTML) continue;
    // Only what is made of elements alone is gone into; where text changes, the element is another.
    const isMadeOfElements = [...old.childNodes, ...child.childNodes].every(({ nodeType }) => nodeType === 1);
    const isAlike = old.cloneNode(false).isEqualNode(child.cloneNode(false)) && child.children.length > 0;
    if (isAlike && isMadeOfElements) patch(old, [...child.children]);
    else old.replaceWith(child);
  }
}

/** A table with a header; each row is a list of cells, text or elements. Columns whose head ends in `#` hold numbers. */
export function table(caption, heads, rows, empty) {
  const isNumber = heads.map((head) => head.endsWith("#"));
  const cell = (content, at) =>
    h("td", { class: isNumber[at] && "number", "data-head": heads[at].replace("#", "") }, content);
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head, at) => h("th", { scope: "col", class: isNumber[at] && "number" }, head.replace("#", ""))),
        ),
      ),
      h(
        "tbody",
        {},
        rows.length > 0
          ? rows.map((row) => h("tr", {}, row.map(cell)))
          : h("tr", {}, h("td", { colspan: heads.length, class: "quiet" }, empty)),
      ),
    ),
  );
}

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const few = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

/** `12,345`; small numbers keep three digits. */
export const count = (value) =>
  value === undefined ? "–" : Math.abs(value) >= 100 ? whole.format(value) : few.format(value);

/** `1.2 GB`. */
export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  for (; value >= 1000 && at < units.length - 1; at++) value /= 1000;
  return `${few.format(value)} ${units[at]}`;
}

/** How long: `3 s`, `12 min`, `5 h`, `3 d`. */
export function duration(seconds) {
  if (seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds < 100) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** A state in words, coloured by how good it is. */
export const pill = (text, mood) => h("span", { class: `pill ${mood}` }, text);
