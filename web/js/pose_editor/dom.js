/** @file Elements. */

/**
 * Create an element.
 * @param {string} tag
 * @param {Record<string, any>} properties of the element; `class`, `title` and the like, and `on...` handlers
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(tag, properties = {}, ...children) {
  const { class: classes, dataset, ...rest } = properties, made = document.createElement(tag);
  if (classes) made.className = classes;
  Object.assign(made.dataset, dataset);
  Object.assign(made, rest);
  made.append(...children);
  return made;
}

/** @param {string} label @param {string} hint @param {() => void} onclick @param {string} action for styles and tests */
export function button(label, hint, onclick, action) {
  const made = element("button", { type: "button", title: hint, onclick, dataset: { action } }, label);
  made.setAttribute("aria-label", hint && label.length < 2 ? hint : label);
  return made;
}

/** A field for a whole number. @param {(value: number) => void} changed */
export function numberField(hint, changed, properties = {}) {
  const read = () => {
    if (field.value !== "" && field.checkValidity()) changed(Number(field.value));
  };
  const field = element("input", { type: "number", min: 0, step: 1, title: hint, onchange: read, ...properties });
  field.setAttribute("aria-label", hint);
  return field;
}
