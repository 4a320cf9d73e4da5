/** JSON that may be anything, for a schema or a guard to check. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The parsed value, or undefined when the text is not JSON or is nested deeper than `maxDepth` arrays and objects: no
 * JSON value is undefined.
 */
export function parseJson(text: string, maxDepth = Number.POSITIVE_INFINITY): unknown {
  if (isDeeperThan(text, maxDepth)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Whether JSON has more than `maxDepth` arrays and objects inside each other. Code that walks a value calls itself for each
 * of them, so the depth must be known before the value is parsed. For text that is not JSON, the answer has no meaning.
 */
export function isDeeperThan(text: string, maxDepth: number): boolean {
  if (text.length <= maxDepth) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = findStringEnd(text, at);
    else if (unit === 0x5b || unit === 0x7b) depth += 1;
    else if (unit === 0x5d || unit === 0x7d) depth -= 1;
    if (depth > maxDepth) return true;
  }
  return false;
}

/** The index of the quote that ends the string that begins at `start`; the text's length when none does. */
function findStringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = end;
    while (text.charCodeAt(escapes - 1) === BACKSLASH) escapes -= 1;
    if ((end - escapes) % 2 === 0) return end;
  }
  return text.length;
}
