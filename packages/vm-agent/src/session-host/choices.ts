/** Makes a person's choices of model and permission mode, before the prompt. What is not offered fails. [R15] */
import type { Logger, Result } from "@samovar/base";
import { err, errorMessage, ok } from "@samovar/base";
import type { Failure, HostLaunch } from "@samovar/contracts";
import type { Fields } from "@samovar/domain/acp-update";
import type { ConfigOption, ConfigOptions } from "@samovar/domain/config-options";
import { toConfigRequest, resolveOption, readConfigOptions, findUnattendedMode } from "@samovar/domain/config-options";

export interface ChoicePorts {
  request(method: string, params: object): Promise<Fields>;
  readonly log: Logger;
}

/**
 * The model first, since another may come with other modes. Gives what can be chosen, and is chosen, after it.
 * Throws the agent's error when it refuses a wish that it offered.
 */
export async function makeChoices(
  launch: Pick<HostLaunch, "agent" | "model" | "permissionMode">,
  sessionId: string,
  offered: ConfigOptions,
  ports: ChoicePorts,
): Promise<Result<ConfigOptions, Failure>> {
  // An agent that gets its model by a variable need not offer it.
  const isGiven = Object.values(launch.agent.env).some((value) => value.includes("{model}"));
  const model = resolveOption("model", offered.model, launch.model);
  if (!model.ok && !isGiven) return err(unknown(model.error));
  const withModel = await choose(offered, "model", model.ok ? model.value : null, sessionId, ports);
  const mode = resolveOption("permission mode", withModel.mode, launch.permissionMode);
  if (!mode.ok) return err(unknown(mode.error));
  if (launch.permissionMode !== null) return ok(await choose(withModel, "mode", mode.value, sessionId, ports));
  return ok(await unasked(withModel, sessionId, ports));
}

/** Nobody wished for it, so that a refusal is only noted. */
async function unasked(choosables: ConfigOptions, sessionId: string, ports: ChoicePorts): Promise<ConfigOptions> {
  try {
    return await choose(choosables, "mode", findUnattendedMode(choosables.mode), sessionId, ports);
  } catch (error) {
    ports.log.warn("agent.mode_refused", { error: errorMessage(error) });
    return choosables;
  }
}

async function choose(
  choosables: ConfigOptions,
  which: "model" | "mode",
  value: string | null,
  sessionId: string,
  { request }: ChoicePorts,
): Promise<ConfigOptions> {
  const choosable = choosables[which];
  if (choosable === null || value === null) return choosables;
  const { method, params } = toConfigRequest(choosable, sessionId, value);
  const told = readConfigOptions(await request(method, params));
  const chosen: ConfigOption = { ...choosable, current: value };
  return { model: told.model ?? choosables.model, mode: told.mode ?? choosables.mode, [which]: told[which] ?? chosen };
}

const unknown = (message: string): Failure => ({ code: "agent_choice_unknown", message });
