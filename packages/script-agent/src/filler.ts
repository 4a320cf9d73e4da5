/** Text for streams: deterministic, so that what was said can be checked word by word. */

const WORDS =
  "water steam tea kettle copper lid tap tray glass sugar lemon leaf brew pour warm boil ember coal chimney handle cup saucer spoon table window garden evening guest story quiet".split(
    " ",
  );

/** `count` words, separated by single spaces, a full stop and a line break after each twelfth. */
export function fillerText(count: number): string {
  let text = "";
  for (let index = 0; index < count; index++) {
    const word = WORDS[(index * 7 + Math.floor(index / WORDS.length)) % WORDS.length] ?? "";
    const begins = index % 12 === 0;
    const ends = index % 12 === 11 || index === count - 1;
    const separator = index === count - 1 ? "" : ends ? "\n" : " ";
    text += (begins ? word.charAt(0).toUpperCase() + word.slice(1) : word) + (ends ? "." : "") + separator;
  }
  return text;
}

/** Pieces of about `words` words each that join to exactly `text`. */
export function chunksOf(text: string, words: number): string[] {
  const pieces = text.match(/\s*\S+\s*/g) ?? (text === "" ? [] : [text]);
  const chunks: string[] = [];
  for (let at = 0; at < pieces.length; at += words) chunks.push(pieces.slice(at, at + words).join(""));
  return chunks;
}
