/** Joins what several parts have said into one text. What an agent said may lack its full stop. */

/** Closing quotes and brackets may follow the mark that ends a sentence. */
const ENDED = /[.!?…:;,]["'”’»`)\]]*$/u;

export function inSentences(parts: readonly string[]): string {
  const said = parts.map((part) => part.trim()).filter((part) => part !== "");
  return said.map((part) => (ENDED.test(part) ? part : `${part}.`)).join(" ");
}
