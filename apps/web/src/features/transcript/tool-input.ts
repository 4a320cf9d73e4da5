/** The readable input of a tool call: JSON is laid out, a lone `command` is the command. */
import { parseJson } from "@samovar/base";
import type { Language } from "../../ui/code/languages.ts";
import { visibleText } from "../../lib/visible-text.ts";

export interface ToolInput {
  readonly text: string;
  readonly language: Language | null;
}

export function parseToolInput(input: string): ToolInput {
  const value = parseJson(input);
  if (value === undefined) return { text: visibleText(input), language: null };
  if (typeof value === "string") return { text: visibleText(value), language: null };
  if (typeof value === "object" && value !== null && "command" in value && typeof value.command === "string")
    return { text: visibleText(value.command), language: "bash" };
  return { text: visibleText(JSON.stringify(value, null, 2)), language: "json" };
}
