/** A text kept in this browser. Where storage is closed to us it lives as long as the page. */

export interface StoredText {
  read(): string;
  /** An empty text is removed. */
  write(text: string): void;
}

export function openStoredText(
  name: string,
  storage: () => Pick<Storage, "getItem" | "setItem" | "removeItem">,
): StoredText {
  let text: string | null = null;
  return {
    read() {
      text ??= attempt(() => storage().getItem(name)) ?? "";
      return text;
    },
    write(next) {
      text = next;
      attempt(() => (next === "" ? storage().removeItem(name) : storage().setItem(name, next)));
    },
  };
}

/** Storage throws when it is full or forbidden: keeping is a courtesy, not a duty. */
function attempt<T>(what: () => T): T | null {
  try {
    return what();
  } catch {
    return null;
  }
}

export const openBrowserText = (name: string): StoredText => openStoredText(`samovar.${name}`, () => localStorage);
