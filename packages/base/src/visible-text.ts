/** Characters that reorder or hide text, shown as marks: a name, an address or a diff must be what it looks like. */

/** Controls except tab, line feed and carriage return; soft hyphen; marks of direction; zero-width and tag characters. */
const HIDDEN =
  // oxlint-disable-next-line no-control-regex -- control characters are what is made visible
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const ALL_HIDDEN = new RegExp(HIDDEN.source, "gu");

export const hasHiddenCharacter = (text: string): boolean => HIDDEN.test(text);

/** `a⟨U+202E⟩b` for an `a` and a `b` with a right-to-left override between them. */
export function visibleText(text: string): string {
  return text.replace(
    ALL_HIDDEN,
    (character) => `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`,
  );
}
