/**
 * The models and permission modes that an agent offers when it opens a session, and the request that selects one: a config option
 * or the older requests for a mode and a model. Bounded and tolerant, because agents are not trusted. Pure.
 */
import type { Result } from "@samovar/base";
import { assertNever, err, ok } from "@samovar/base";
import type { AgentOption, AgentCapabilities } from "@samovar/contracts";
import type { Fields } from "./acp-update.ts";
import { toFields } from "./acp-update.ts";

/** One setting, such as the model: its values, the current one, and how to set another. */
export interface ConfigOption {
  readonly values: readonly AgentOption[];
  readonly current: string | null;
  readonly by:
    | { readonly kind: "option"; readonly configId: string }
    | { readonly kind: "mode" }
    | { readonly kind: "model" };
}

export interface ConfigOptions {
  readonly model: ConfigOption | null;
  readonly mode: ConfigOption | null;
}

export interface ConfigRequest {
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
}

const MODELS_MAX = 200;
const MODES_MAX = 50;
const NAME_MAX_CHARS = 200;
const DESCRIPTION_MAX_CHARS = 1000;
const LISTED = 20;
/** The modes without permission requests, as Claude Code, Gemini CLI and Codex name them. */
const UNATTENDED_MODES = ["bypassPermissions", "yolo", "agent-full-access", "full-access", "danger-full-access"];

/** `session`: the answer to `session/new`, `session/load` or `session/resume`. */
export function readConfigOptions(session: Fields): ConfigOptions {
  const modes = toFields(session["modes"]);
  const models = toFields(session["models"]);
  return {
    model:
      findConfigOption(session, "model", MODELS_MAX) ??
      toConfigOption(models["availableModels"], "modelId", models["currentModelId"], { kind: "model" }, MODELS_MAX),
    mode:
      findConfigOption(session, "mode", MODES_MAX) ??
      toConfigOption(modes["availableModes"], "id", modes["currentModeId"], { kind: "mode" }, MODES_MAX),
  };
}

export const toCapabilities = ({ model, mode }: ConfigOptions): AgentCapabilities => ({
  models: [...(model?.values ?? [])],
  modes: [...(mode?.values ?? [])],
});

export function toConfigRequest({ by }: ConfigOption, sessionId: string, value: string): ConfigRequest {
  switch (by.kind) {
    case "option":
      return { method: "session/set_config_option", params: { sessionId, configId: by.configId, value } };
    case "mode":
      return { method: "session/set_mode", params: { sessionId, modeId: value } };
    case "model":
      return { method: "session/set_model", params: { sessionId, modelId: value } };
    default:
      return assertNever(by, "config option");
  }
}

/** The value to set for a requested one; null when it is already set or nothing was requested. The error is a sentence that lists the values. */
export function resolveOption(
  what: "model" | "permission mode",
  option: ConfigOption | null,
  wanted: string | null,
): Result<string | null, string> {
  if (wanted === null) return ok(null);
  const offered = option?.values ?? [];
  if (!offered.some(({ id }) => id === wanted)) return err(unknownChoice(what, wanted, offered));
  return ok(option?.current === wanted ? null : wanted);
}

/** The mode without permission requests, because no person answers them; null when none is known or it is already set. */
export function findUnattendedMode(mode: ConfigOption | null): string | null {
  const known = UNATTENDED_MODES.find((id) => mode?.values.some((choice) => choice.id === id) === true);
  return known === undefined || mode?.current === known ? null : known;
}

function unknownChoice(what: string, wanted: string, offered: readonly AgentOption[]): string {
  if (offered.length === 0) return `The agent does not offer a choice of ${what}, but "${wanted}" was requested.`;
  const listed = offered.slice(0, LISTED).map(({ id }) => id);
  const more = offered.length > LISTED ? `, and ${offered.length - LISTED} more` : "";
  return `The agent offers no ${what} "${wanted}". It offers: ${listed.join(", ")}${more}.`;
}

function findConfigOption(session: Fields, category: string, max: number): ConfigOption | null {
  const options = Array.isArray(session["configOptions"]) ? session["configOptions"].map(toFields) : [];
  const option = options.find((one) => one["category"] === category && one["type"] === "select");
  const configId = option?.["id"];
  if (option === undefined || typeof configId !== "string") return null;
  const given = Array.isArray(option["options"]) ? option["options"].map(toFields) : [];
  const flat = given.flatMap((one) => (Array.isArray(one["options"]) ? one["options"] : [one]));
  return toConfigOption(flat, "value", option["currentValue"], { kind: "option", configId }, max);
}

function toConfigOption(
  given: unknown,
  idField: string,
  current: unknown,
  by: ConfigOption["by"],
  max: number,
): ConfigOption | null {
  const values = (Array.isArray(given) ? given.map(toFields) : []).flatMap((one) => {
    const id = one[idField];
    // A shortened id could not be selected.
    if (typeof id !== "string" || id === "" || id.length > NAME_MAX_CHARS) return [];
    const { name, description } = one;
    return [
      {
        id,
        name: typeof name === "string" && name !== "" ? name.slice(0, NAME_MAX_CHARS) : id,
        description: typeof description === "string" ? description.slice(0, DESCRIPTION_MAX_CHARS) : null,
      },
    ];
  });
  if (values.length === 0) return null;
  return { values: values.slice(0, max), current: typeof current === "string" ? current : null, by };
}
