/** The page of the settings that a refusal names; null when it names none that this page has. */
import { isApiError } from "../../api/client.ts";

export type SettingsPath = "/settings/agents" | "/settings/credentials";

export function getSettingsPath(error: unknown): SettingsPath | null {
  const path = isApiError(error) ? error.details["settingsPath"] : null;
  return path === "/settings/agents" || path === "/settings/credentials" ? path : null;
}
