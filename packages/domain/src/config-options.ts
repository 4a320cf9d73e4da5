/**
 * What an agent lets people choose, as it tells on opening a session, and which request chooses it: by config option,
 * or by the older requests for a mode and a model. Bounded and tolerant, since the agent is a stranger. Pure.
 */
import type { Result } from "@samovar/base";
import { assertNever, err, ok } from "@samovar/base";
import type { AgentOption, AgentCapabilities } from "@samovar/contracts";
import type { Fields } from "./acp-update.ts";
import { toFields } from "./acp-update.ts";

/** One question, such as the model: what may be answered, what is set now, and how another answer is given. */
export interface ConfigOption {
  readonly choices: readonly AgentOption[];
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
/** The modes that ask for nothing, as Claude Code, Gemini CLI and Codex name them. */
const UNASKING_MODES = ["bypassPermissions", "yolo", "agent-full-access", "full-access", "danger-full-access"];

/** `session`: the answer to `session/new`, `session/load` or `session/resume`. */
export function readConfigOptions(session: Fields): ConfigOptions {
  const modes = toFields(session["modes"]);
  const models = toFields(session["models"]);
  return {
    model:
      optionOf(session, "model", MODELS_MAX) ??
      listOf(models["availableModels"], "modelId", models["currentModelId"], { kind: "model" }, MODELS_MAX),
    mode:
      optionOf(session, "mode", MODES_MAX) ??
      listOf(modes["availableModes"], "id", modes["currentModeId"], { kind: "mode" }, MODES_MAX),
  };
}

export const toCapabilities = ({ model, mode }: ConfigOptions): AgentCapabilities => ({
  models: [...(model?.choices ?? [])],
  modes: [...(mode?.choices ?? [])],
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
      return assertNever(by, "choosable");
  }
}

/** What to set for a person's wish; null when nothing is to be set. The error is a sentence that lists the offers. */
export function resolveOption(
  what: "model" | "permission mode",
  choosable: ConfigOption | null,
  wanted: string | null,
): Result<string | null, string> {
  if (wanted === null) return ok(null);
  const offered = choosable?.choices ?? [];
  if (!offered.some(({ id }) => id === wanted)) return err(unknownChoice(what, wanted, offered));
  return ok(choosable?.current === wanted ? null : wanted);
}

/** Nobody sits by to be asked: the mode that asks for nothing, where one is known. */
export function findUnattendedMode(mode: ConfigOption | null): string | null {
  const known = UNASKING_MODES.find((id) => mode?.choices.some((choice) => choice.id === id) === true);
  return known === undefined || mode?.current === known ? null : known;
}

function unknownChoice(what: string, wanted: string, offered: readonly AgentOption[]): string {
  if (offered.length === 0) return `The agent lets nobody choose a ${what}, and "${wanted}" was asked for.`;
  const listed = offered.slice(0, LISTED).map(({ id }) => id);
  const more = offered.length > LISTED ? `, and ${offered.length - LISTED} more` : "";
  return `The agent offers no ${what} "${wanted}". It capabilities: ${listed.join(", ")}${more}.`;
}

function optionOf(session: Fields, category: string, max: number): ConfigOption | null {
  const options = Array.isArray(session["configOptions"]) ? session["configOptions"].map(toFields) : [];
  const option = options.find((one) => one["category"] === category && one["type"] === "select");
  const configId = option?.["id"];
  if (option === undefined || typeof configId !== "string") return null;
  const given = Array.isArray(option["options"]) ? option["options"].map(toFields) : [];
  const flat = given.flatMap((one) => (Array.isArray(one["options"]) ? one["options"] : [one]));
  return listOf(flat, "value", option["currentValue"], { kind: "option", configId }, max);
}

function listOf(
  given: unknown,
  idField: string,
  current: unknown,
  by: ConfigOption["by"],
  max: number,
): ConfigOption | null {
  const choices = (Array.isArray(given) ? given.map(toFields) : []).flatMap((one) => {
    const id = one[idField];
    // An id that had to be cut could not be chosen.
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
  if (choices.length === 0) return null;
  return { choices: choices.slice(0, max), current: typeof current === "string" ? current : null, by };
}
