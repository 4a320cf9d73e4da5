/** JSON that may be anything, for a schema or a guard to check. */

/** The parsed value, or undefined when the text is not JSON: no JSON value is undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
