/** The page of the settings that a refusal names; null when it names none that this page has. */
import { isApiError } from "../../api/client.ts";

export type SettingsPath = "/settings/agents" | "/settings/credentials";

export function settingsPathOf(error: unknown): SettingsPath | null {
  const told = isApiError(error) ? error.details["settingsPath"] : null;
  return told === "/settings/agents" || told === "/settings/credentials" ? told : null;
}
