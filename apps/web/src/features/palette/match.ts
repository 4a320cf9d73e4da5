/** Which of the palette's entries fit what was typed: those that hold each of the words. Pure. */

/** 1 when they begin with it, less when a word of theirs does, least when they only hold it, 0 when not. */
export function scoreMatch(text: string, typed: string): number {
  const words = splitWords(typed);
  const held = text.toLowerCase();
  if (words.length === 0 || held.startsWith(words.join(" "))) return 1;
  if (!words.every((word) => held.includes(word))) return 0;
  const beginnings = splitWords(text);
  return words.every((word) => beginnings.some((beginning) => beginning.startsWith(word))) ? 0.8 : 0.5;
}

const splitWords = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
