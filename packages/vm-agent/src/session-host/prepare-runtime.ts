/**
 * Prepares the session's runtime before the first program: its image is pulled or built, with the output as one growing message.
 * Then runs what the project's devcontainer wants to run, as `samovar.setup` is run. Keeps M1, T1.
 */
import type { Failure } from "@samovar/contracts";
import { GrowingOutput } from "./growing-output.ts";
import { runSetupStep, type SetupPorts } from "./setup-script.ts";

const TITLE = "devcontainer";
const COMMAND = "postCreateCommand";

/** Null when it is ready. Never throws. */
export async function prepareRuntime(ports: SetupPorts): Promise<Failure | null> {
  const { launch, runtime, log, signal, timers } = ports;
  if (runtime.prepare === undefined || signal.aborted) return null;
  let message: GrowingOutput | null = null;
  const limit = new AbortController();
  const cancel = timers.after(launch.setupTimeoutMs, () => limit.abort());
  const prepared = await runtime.prepare({
    signal: AbortSignal.any([signal, limit.signal]),
    allowsNetwork: launch.egress.mode === "open",
    onOutput: (text) => {
      message ??= new GrowingOutput(TITLE, ports);
      message.append(text);
    },
  });
  cancel();
  const tooLong = `The image was not ready within ${launch.setupTimeoutMs / 1000} s.`;
  const reason = limit.signal.aborted ? tooLong : prepared.ok ? null : prepared.error.message;
  await finish(message, reason);
  if (!prepared.ok || reason !== null) {
    log.warn("runtime.not_prepared", { reason });
    return prepared.ok ? { code: "image_failed", message: tooLong } : { ...prepared.error, message: reason ?? tooLong };
  }
  for (const [index, argv] of prepared.value.commands.entries()) {
    const failure = await runSetupStep(index === 0 ? COMMAND : `${COMMAND} ${index + 1}`, argv, ports);
    if (failure !== null) return failure;
  }
  return null;
}

async function finish(message: GrowingOutput | null, reason: string | null): Promise<void> {
  await message?.finish({ reason, isReasonShown: true, exitCode: null });
}
