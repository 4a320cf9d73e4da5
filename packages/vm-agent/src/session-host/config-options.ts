/** Sets the chosen model and permission mode before the prompt; fails for a choice that the agent does not offer. [R15] */
import type { Logger, Result } from "@samovar/base";
import { err, errorMessage, ok } from "@samovar/base";
import type { Failure, HostLaunch } from "@samovar/contracts";
import type { Fields } from "@samovar/domain/acp-update";
import type { ConfigOption, ConfigOptions } from "@samovar/domain/config-options";
import { toConfigRequest, resolveOption, readConfigOptions, findUnattendedMode } from "@samovar/domain/config-options";

export interface ConfigOptionPorts {
  request(method: string, params: object): Promise<Fields>;
  readonly log: Logger;
}

/**
 * Sets the model first, because another model may have other modes. Returns the options and their values afterwards.
 * Throws the agent's error when it refuses a value that it offered.
 */
export async function applyConfigOptions(
  launch: Pick<HostLaunch, "agent" | "model" | "permissionMode">,
  sessionId: string,
  offered: ConfigOptions,
  ports: ConfigOptionPorts,
): Promise<Result<ConfigOptions, Failure>> {
  // An agent that gets its model from a variable need not offer it.
  const isGiven = Object.values(launch.agent.env).some((value) => value.includes("{model}"));
  const model = resolveOption("model", offered.model, launch.model);
  if (!model.ok && !isGiven) return err(createUnknownFailure(model.error));
  const withModel = await setOption(offered, "model", model.ok ? model.value : null, sessionId, ports);
  const mode = resolveOption("permission mode", withModel.mode, launch.permissionMode);
  if (!mode.ok) return err(createUnknownFailure(mode.error));
  if (launch.permissionMode !== null) return ok(await setOption(withModel, "mode", mode.value, sessionId, ports));
  return ok(await setUnattendedMode(withModel, sessionId, ports));
}

/** Sets a mode without permission requests. It was not chosen by a person, so a refusal is only logged. */
async function setUnattendedMode(
  options: ConfigOptions,
  sessionId: string,
  ports: ConfigOptionPorts,
): Promise<ConfigOptions> {
  try {
    return await setOption(options, "mode", findUnattendedMode(options.mode), sessionId, ports);
  } catch (error) {
    ports.log.warn("agent.mode_refused", { error: errorMessage(error) });
    return options;
  }
}

async function setOption(
  options: ConfigOptions,
  which: "model" | "mode",
  value: string | null,
  sessionId: string,
  { request }: ConfigOptionPorts,
): Promise<ConfigOptions> {
  const option = options[which];
  if (option === null || value === null) return options;
  const { method, params } = toConfigRequest(option, sessionId, value);
  const returned = readConfigOptions(await request(method, params));
  const chosen: ConfigOption = { ...option, current: value };
  return {
    model: returned.model ?? options.model,
    mode: returned.mode ?? options.mode,
    [which]: returned[which] ?? chosen,
  };
}

const createUnknownFailure = (message: string): Failure => ({ code: "agent_choice_unknown", message });
