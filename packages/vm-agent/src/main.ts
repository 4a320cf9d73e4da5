/**
 * `vm-agent daemon <agent.json>` | `session-host [--standby] <directory>` | `script-agent` |
 * `container-init <niceness>` (the first program of a workspace's container) |
 * `runtime <directory>` (prints where agents would run, with that state directory) | `version`.
 * Works from source and as one bundled file, because it starts its other processes through its own module.
 */
import { realpathSync } from "node:fs";
import { startupSnapshot } from "node:v8";

const USAGE =
  "usage: vm-agent daemon <agent.json> | session-host [--standby] <directory> | script-agent | container-init <niceness> | runtime <directory> | version";

if (startupSnapshot.isBuildingSnapshot()) void prepareSnapshot();
else void run(process.argv.slice(2));

/** Loads what most processes need. A program that starts from a snapshot has no module among its arguments. */
async function prepareSnapshot(): Promise<void> {
  await Promise.all([
    import("./session-host/main.ts"),
    import("./session-host/standby-host.ts"),
    import("@samovar/script-agent"),
    import("./settings.ts"),
  ]);
  startupSnapshot.setDeserializeMainFunction(() => void run(process.argv.slice(1)));
}

async function run(args: readonly string[]): Promise<void> {
  process.exitCode = await main(args);
  // Only timers of finished work are left and, when the script agent crashes on purpose, its open input.
  process.exit();
}

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
    const { describeNode } = await import("./describe-node.ts");
    console.log(JSON.stringify(await describeNode(operand)));
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
  const { createDaemonLogger, runDaemon } = await import("./daemon/daemon.ts");
  const { StartupSnapshot } = await import("./startup-snapshot.ts");
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopping.abort());
  // The reader of the log may exit first.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const settings = readSettings(file, process.env);
  reportReady(process.env);
  const snapshot = new StartupSnapshot({
    node: process.execPath,
    module: realpathSync(process.argv[1] ?? ""),
    directory: settings.snapshotsDir,
    logger: createDaemonLogger(settings),
  });
  void snapshot.prepare();
  return runDaemon({ settings, self: snapshot.self, stopping: stopping.signal });
}
