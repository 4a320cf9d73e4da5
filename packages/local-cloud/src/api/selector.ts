/** Label selectors: `k`, `!k`, `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`; a comma means "and". */
import { invalidField } from "./errors.ts";

export type Labels = Readonly<Record<string, string>>;
export type Selector = (labels: Labels) => boolean;

const KEY = "[A-Za-z0-9][A-Za-z0-9._/-]*";
const VALUE = "[A-Za-z0-9._-]*";
const TERMS: readonly [RegExp, (labels: Labels, key: string, operand: string) => boolean][] = [
  [new RegExp(`^(${KEY})()$`), (labels, key) => key in labels],
  [new RegExp(`^!\\s*(${KEY})()$`), (labels, key) => !(key in labels)],
  [new RegExp(`^(${KEY})\\s*==?\\s*(${VALUE})$`), (labels, key, value) => labels[key] === value],
  [new RegExp(`^(${KEY})\\s*!=\\s*(${VALUE})$`), (labels, key, value) => labels[key] !== value],
  [
    new RegExp(`^(${KEY})\\s+in\\s*\\(([^()]*)\\)$`),
    (labels, key, values) => key in labels && members(values).includes(labels[key] ?? ""),
  ],
  [
    new RegExp(`^(${KEY})\\s+notin\\s*\\(([^()]*)\\)$`),
    (labels, key, values) => !(key in labels && members(values).includes(labels[key] ?? "")),
  ],
];

const members = (list: string) => list.split(",").map((value) => value.trim());

/** From `label_selector`; without one everything is selected. Throws `invalid_input`. */
export function selectorOf(query: URLSearchParams): Selector {
  const text = query.get("label_selector") ?? "";
  const selector = text === "" ? () => true : parseSelector(text);
  if (selector === null) throw invalidField("label_selector", "is not a selector");
  return selector;
}

/** Null when the text is no selector. */
export function parseSelector(text: string): Selector | null {
  const terms: Selector[] = [];
  for (const part of text.split(/,(?![^(]*\))/).map((term) => term.trim())) {
    const term = termOf(part);
    if (term === null) return null;
    terms.push(term);
  }
  return (labels) => terms.every((term) => term(labels));
}

function termOf(part: string): Selector | null {
  for (const [shape, holds] of TERMS) {
    const found = shape.exec(part);
    if (found !== null) return (labels) => holds(labels, found[1] ?? "", found[2] ?? "");
  }
  return null;
}
