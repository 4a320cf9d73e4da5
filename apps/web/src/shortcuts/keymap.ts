/** Every key of the page, as a table: what it does, where it works. The help and the palette read it too. Pure. */

/** `anywhere`: also while typing; `outside`: not in a text field (one letter would be lost there). */
export type KeyScope = "anywhere" | "outside";

export type KeyGroup = "Go to" | "Task" | "Session" | "Board" | "Page";

export interface KeyBinding {
  readonly id: string;
  readonly group: KeyGroup;
  readonly label: string;
  /** Steps to be pressed one after the other: `["g", "b"]`, `["Mod+k"]`, `["?"]`. */
  readonly steps: readonly string[];
  readonly scope: KeyScope;
}

const binding = (group: KeyGroup, id: string, label: string, ...steps: string[]): KeyBinding => ({
  id,
  group,
  label,
  steps,
  scope: steps[0]?.startsWith("Mod+") === true || steps[0]?.startsWith("Alt+") === true ? "anywhere" : "outside",
});

export const KEYMAP: readonly KeyBinding[] = [
  binding("Page", "palette", "Find anything", "Mod+k"),
  binding("Page", "help", "Show keyboard shortcuts", "?"),
  binding("Page", "sidebar", "Show or hide sessions", "Mod+\\"),
  binding("Go to", "go.projects", "Projects", "g", "p"),
  binding("Go to", "go.chat", "Chat", "g", "c"),
  binding("Go to", "go.board", "Board", "g", "b"),
  binding("Go to", "go.nodes", "Nodes", "g", "n"),
  binding("Go to", "go.settings", "Settings", "g", "s"),
  binding("Task", "task.new", "New task", "c"),
  binding("Task", "task.cancel", "Cancel task", "Mod+."),
  binding("Session", "session.search", "Search", "/"),
  binding("Session", "session.next", "Next session", "Alt+ArrowDown"),
  binding("Session", "session.previous", "Previous session", "Alt+ArrowUp"),
  binding("Session", "session.first", "First message", "Home"),
  binding("Session", "session.last", "Latest message", "End"),
  binding("Session", "session.previousMessage", "Previous message", "PageUp"),
  binding("Session", "session.nextMessage", "Next message", "PageDown"),
  binding("Session", "session.expand", "Open or close all details", "e"),
  binding("Session", "session.plan", "Show plan", "p"),
  binding("Session", "session.changes", "Show changes", "d"),
  binding("Session", "session.text", "View session as text", "g", "t"),
  binding("Board", "board.next", "Next card", "j"),
  binding("Board", "board.previous", "Previous card", "k"),
  binding("Board", "board.down", "Card below", "ArrowDown"),
  binding("Board", "board.up", "Card above", "ArrowUp"),
  binding("Board", "board.left", "Column to the left", "ArrowLeft"),
  binding("Board", "board.right", "Column to the right", "ArrowRight"),
  binding("Board", "board.moveRight", "Move card right (from Ready, runs it)", "Shift+ArrowRight"),
  binding("Board", "board.moveLeft", "Move card left", "Shift+ArrowLeft"),
  binding("Board", "board.raise", "Raise priority", "Shift+ArrowUp"),
  binding("Board", "board.lower", "Lower priority", "Shift+ArrowDown"),
  binding("Board", "board.move", "Move card to…", "m"),
];

export interface Pressed {
  readonly key: string;
  readonly mod: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
}

/** What was pressed, in the keymap's spelling; null for a modifier alone. */
export function toStep({ key, mod, alt, shift }: Pressed): string | null {
  if (key === "Shift" || key === "Control" || key === "Meta" || key === "Alt") return null;
  const plain = key.length === 1 ? key.toLowerCase() : key;
  // A sign such as "?" needs Shift on some keyboards and not on others.
  const shifted = shift && (key.length > 1 || /[a-z]/i.test(key)) ? "Shift+" : "";
  return `${mod ? "Mod+" : ""}${alt ? "Alt+" : ""}${shifted}${plain}`;
}

export type Matched =
  | { readonly kind: "none" }
  /** The beginning of one that has two steps. */
  | { readonly kind: "begun"; readonly steps: readonly string[] }
  | { readonly kind: "found"; readonly id: string };

/** `before`: steps pressed just now that a longer one may begin with. */
export function match(
  bindings: readonly KeyBinding[],
  before: readonly string[],
  step: string,
  where: { readonly typing: boolean; readonly singleKeys: boolean },
): Matched {
  const steps = [...before, step];
  const usable = bindings.filter(
    (each) => each.scope === "anywhere" || (!where.typing && (where.singleKeys || isNamed(each.steps[0] ?? ""))),
  );
  const found = usable.find((each) => sameSteps(each.steps, steps));
  if (found !== undefined) return { kind: "found", id: found.id };
  if (usable.some((each) => each.steps.length > steps.length && sameSteps(each.steps.slice(0, steps.length), steps)))
    return { kind: "begun", steps };
  return before.length === 0 ? { kind: "none" } : match(bindings, [], step, where);
}

/** Keys such as Home do nothing else outside of a text field: they stay when single letters are switched off. */
const isNamed = (step: string): boolean => step.length > 1;

const sameSteps = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((step, index) => step === b[index]);

const APPLE: Readonly<Record<string, string>> = { Mod: "⌘", Alt: "⌥", Shift: "⇧", Enter: "↩" };
const PLAIN: Readonly<Record<string, string>> = { Mod: "Ctrl" };
const NAMES: Readonly<Record<string, string>> = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→" };

/** A step as this computer's keyboard prints it: `⌘K`, `Ctrl+K`. */
export function formatStep(step: string, apple: boolean): string {
  const parts = step.split("+").map((part) => {
    const known = (apple ? APPLE[part] : PLAIN[part]) ?? NAMES[part];
    return known ?? (part.length === 1 ? part.toUpperCase() : part);
  });
  return parts.join(apple ? "" : "+");
}
