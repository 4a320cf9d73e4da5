/** A summary of an agent's last message: its start, cut at a sentence where there is one. */

const MAX_CHARS = 500;
/** A sentence end earlier than this says too little. */
const MIN_CHARS = 80;

/** At most 500 characters; null for nothing but white space. */
export function summarise(text: string): string | null {
  const clean = text.trim();
  if (clean === "") return null;
  if (clean.length <= MAX_CHARS) return clean;
  const head = clean.slice(0, MAX_CHARS);
  const sentence = lastEnd(head, /[.!?…](?=\s)/g);
  if (sentence >= MIN_CHARS) return head.slice(0, sentence);
  const word = head.slice(0, MAX_CHARS - 1).search(/\s\S*$/);
  return `${head
    .slice(0, word >= MIN_CHARS ? word : MAX_CHARS - 1)
    .toWellFormed()
    .trimEnd()}…`;
}

function lastEnd(text: string, pattern: RegExp): number {
  let end = -1;
  for (const match of text.matchAll(pattern)) end = match.index + match[0].length;
  return end;
}
