/** Makes a person's choices of model and permission mode, before the prompt. What is not offered fails. [R15] */
import type { Logger, Result } from "@samovar/base";
import { err, errorMessage, ok } from "@samovar/base";
import type { Failure, HostLaunch } from "@samovar/contracts";
import type { Fields } from "@samovar/domain/acp-update";
import type { Choosable, Choosables } from "@samovar/domain/agent-choices";
import { choiceRequest, chooseWanted, readChoosables, unaskingMode } from "@samovar/domain/agent-choices";

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
  offered: Choosables,
  ports: ChoicePorts,
): Promise<Result<Choosables, Failure>> {
  // An agent that gets its model by a variable need not offer it.
  const isGiven = Object.values(launch.agent.env).some((value) => value.includes("{model}"));
  const model = chooseWanted("model", offered.model, launch.model);
  if (!model.ok && !isGiven) return err(unknown(model.error));
  const withModel = await choose(offered, "model", model.ok ? model.value : null, sessionId, ports);
  const mode = chooseWanted("permission mode", withModel.mode, launch.permissionMode);
  if (!mode.ok) return err(unknown(mode.error));
  if (launch.permissionMode !== null) return ok(await choose(withModel, "mode", mode.value, sessionId, ports));
  return ok(await unasked(withModel, sessionId, ports));
}

/** Nobody wished for it, so that a refusal is only noted. */
async function unasked(choosables: Choosables, sessionId: string, ports: ChoicePorts): Promise<Choosables> {
  try {
    return await choose(choosables, "mode", unaskingMode(choosables.mode), sessionId, ports);
  } catch (error) {
    ports.log.warn("agent.mode_refused", { error: errorMessage(error) });
    return choosables;
  }
}

async function choose(
  choosables: Choosables,
  which: "model" | "mode",
  value: string | null,
  sessionId: string,
  { request }: ChoicePorts,
): Promise<Choosables> {
  const choosable = choosables[which];
  if (choosable === null || value === null) return choosables;
  const { method, params } = choiceRequest(choosable, sessionId, value);
  const told = readChoosables(await request(method, params));
  const chosen: Choosable = { ...choosable, current: value };
  return { model: told.model ?? choosables.model, mode: told.mode ?? choosables.mode, [which]: told[which] ?? chosen };
}

const unknown = (message: string): Failure => ({ code: "agent_choice_unknown", message });
