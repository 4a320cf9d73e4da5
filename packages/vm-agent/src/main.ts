/**
 * `vm-agent daemon <agent.json>` | `session-host [--standby] <directory>` | `script-agent` |
 * `container-init <niceness>` (the first program of a workspace's container) |
 * `runtime <directory>` (prints where agents would run, with that state directory) | `version`.
 * Works from source and as one bundled file, because it starts its other processes through its own module.
 */
import { realpathSync } from "node:fs";

const USAGE =
  "usage: vm-agent daemon <agent.json> | session-host [--standby] <directory> | script-agent | container-init <niceness> | runtime <directory> | version";

process.exitCode = await main(process.argv.slice(2));
// Only timers of finished work are left and, when the script agent crashes on purpose, its open input.
process.exit();

async function main([command, operand, directory]: readonly string[]): Promise<number> {
  if (command === "daemon" && operand !== undefined) return startDaemon(operand);
  if (command === "session-host" && operand === "--standby" && directory !== undefined) {
    const { runStandbyHost } = await import("./session-host/standby-host.ts");
    return runStandbyHost(directory, process.stdin);
  }
  if (command === "session-host" && operand !== undefined) {
    const { runSessionHost } = await import("./session-host/main.ts");
    return runSessionHost(operand);
  }
  if (command === "script-agent") {
    const { runScriptAgent } = await import("@samovar/script-agent");
    return runScriptAgent();
  }
  if (command === "container-init" && operand !== undefined) {
    const { runContainerInit } = await import("./runtime/docker/container-init.ts");
    return runContainerInit(Number(operand));
  }
  if (command === "runtime" && operand !== undefined) {
    const { chooseRuntime } = await import("./runtime/choose-runtime.ts");
    const { readRuntimeSettings } = await import("./settings.ts");
    const { kind, reason } = await chooseRuntime(readRuntimeSettings(process.env), operand, process.env);
    console.log(JSON.stringify({ kind, reason }));
    return 0;
  }
  if (command === "version") {
    const { AGENT_VERSION } = await import("./settings.ts");
    console.log(AGENT_VERSION);
    return 0;
  }
  console.error(USAGE);
  return 2;
}

async function startDaemon(file: string): Promise<number> {
  const { readSettings } = await import("./settings.ts");
  const { reportReady } = await import("@samovar/processes");
  const { runDaemon } = await import("./daemon/daemon.ts");
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopping.abort());
  // The reader of the log may exit first.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const settings = readSettings(file, process.env);
  reportReady(process.env);
  return runDaemon({
    settings,
    self: [process.execPath, realpathSync(process.argv[1] ?? "")],
    stopping: stopping.signal,
  });
}
