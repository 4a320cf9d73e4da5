/** Characters that reorder or hide text are shown as marks: a name or a diff must be what it looks like. */

const HIDDEN =
  // oxlint-disable-next-line no-control-regex -- control characters are what is made visible
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

export function visibleText(text: string): string {
  return text.replace(
    HIDDEN,
    (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`,
  );
}
