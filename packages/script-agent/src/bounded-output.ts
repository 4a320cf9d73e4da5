/** Keeps the first and the last part of a text that may grow without bound, and says what was cut. Pure. */

export interface BoundedOutput {
  append(text: string): void;
  /** The kept text, with a line in the middle that says how much is left out. */
  text(): string;
  /** Characters that were left out so far. */
  omitted(): number;
}

/** `headChars` and `tailChars` in UTF-16 units; a surrogate pair is never split. */
export function boundedOutput(headChars: number, tailChars: number): BoundedOutput {
  let head = "";
  let tail = "";
  let omitted = 0;
  let headIsFull = false;
  const keepTail = () => {
    if (tail.length <= tailChars) return;
    const cut = afterPair(tail, tail.length - tailChars);
    omitted += cut;
    tail = tail.slice(cut);
  };
  return {
    append(text) {
      const room = headIsFull ? 0 : beforePair(text, headChars - head.length);
      headIsFull ||= room < text.length;
      head += text.slice(0, room);
      tail += text.slice(room);
      keepTail();
    },
    text: () => (omitted === 0 ? head + tail : `${head}\n[… ${omitted} characters left out …]\n${tail}`),
    omitted: () => omitted,
  };
}

/** The largest cut up to `at` that does not end in the middle of a pair. */
function beforePair(text: string, at: number): number {
  if (at >= text.length) return text.length;
  return at > 0 && isHigh(text.charCodeAt(at - 1)) ? at - 1 : Math.max(0, at);
}

/** The smallest cut from `at` on that does not begin in the middle of a pair. */
function afterPair(text: string, at: number): number {
  return at > 0 && isHigh(text.charCodeAt(at - 1)) ? at + 1 : at;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
