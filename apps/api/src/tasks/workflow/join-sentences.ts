/** Joins texts from several sources into one. A text from an agent may lack its final full stop. */

/** Closing quotes and brackets may follow the final punctuation. */
const ENDED = /[.!?…:;,]["'”’»`)\]]*$/u;

export function joinSentences(parts: readonly string[]): string {
  const sentences = parts.map((part) => part.trim()).filter((part) => part !== "");
  return sentences.map((part) => (ENDED.test(part) ? part : `${part}.`)).join(" ");
}
