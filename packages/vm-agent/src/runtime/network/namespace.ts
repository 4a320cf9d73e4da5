/**
 * A network namespace for one workspace's programs: a loopback interface and nothing else, neither the node's services nor its
 * abstract sockets. It lives as long as this process holds it open or a program runs in it, so nothing of it outlives them.
 *
 * A short-lived Node inside opens the listening sockets and hands them over (SCM_RIGHTS): servers of this process accept
 * the workspace's connections, and no process inside carries them. Keeps S1 [R48][R50].
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { Server } from "node:net";
import { text } from "node:stream/consumers";
import type { HostSandbox } from "@samovar/contracts";
import { listenAt } from "../../listen.ts";
import type { NetworkPlace } from "./workspace-network.ts";

export type NamespacePrograms = Pick<HostSandbox, "program" | "nsenter">;

/** Opens `argv[1]` listening sockets and hands them over; then it exits. */
const LISTENING = `const { createServer } = require("node:net");
for (let left = Number(process.argv[1]); left > 0; left--) {
  const server = createServer();
  server.listen(0, "127.0.0.1", () => process.send(process.pid, server));
}
process.once("disconnect", () => process.exit());`;

interface Handover {
  readonly helper: ChildProcess;
  readonly pid: number;
  readonly handles: readonly Server[];
}

/** Open descriptors. */
interface HeldNamespaces {
  readonly user: number;
  readonly net: number;
}

export interface NetworkNamespace extends NetworkPlace {
  readonly enter: readonly [string, ...string[]];
}

/** `listeners`: how many are opened at once; more take their time. Rejects with the reason in one line. */
export async function openNamespace(
  { program, nsenter }: NamespacePrograms,
  listeners: number,
): Promise<NetworkNamespace> {
  // bubblewrap sets up the loopback interface. Our own code runs here, so it sees everything.
  const create = [program, "--unshare-user", "--unshare-net", "--die-with-parent", "--dev-bind", "/", "/", "--"];
  const { helper, pid, handles } = await openListeners(create, listeners);
  const held = holdOpen(pid);
  helper.disconnect();
  const spare = [...handles];
  const enter = [nsenter, ...createEnterOptions(held), "--"] as const;
  return {
    enter,
    ports: new Set(),
    listen: async (server) => listenAt(server, spare.shift() ?? (await openOneListener(enter))),
    close: () => {
      for (const handle of spare.splice(0)) handle.close();
      for (const descriptor of Object.values(held)) closeSync(descriptor);
    },
  };
}

const holdOpen = (pid: number): HeldNamespaces => ({
  user: openSync(`/proc/${pid}/ns/user`, "r"),
  net: openSync(`/proc/${pid}/ns/net`, "r"),
});

/**
 * By this process's descriptors, so that no other process can come to have the name, and none is inherited. Root enters the network
 * alone, and stays free to change its user; others have the right to enter it only in the user namespace that it belongs to.
 */
function createEnterOptions({ user, net }: HeldNamespaces): readonly string[] {
  const path = (descriptor: number) => `/proc/${process.pid}/fd/${descriptor}`;
  if (process.getuid?.() === 0) return [`--net=${path(net)}`];
  return ["--preserve-credentials", `--user=${path(user)}`, `--net=${path(net)}`];
}

async function openOneListener(enter: readonly string[]): Promise<Server> {
  const { helper, handles } = await openListeners(enter, 1);
  helper.disconnect();
  const [handle] = handles;
  if (handle === undefined) throw new Error("the network handed over no listener");
  return handle;
}

/** The helper lives until it is disconnected. */
function openListeners([file = "", ...args]: readonly string[], count: number): Promise<Handover> {
  const helper = spawn(file, [...args, process.execPath, "-e", LISTENING, String(count)], {
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const errors = helper.stderr === null ? Promise.resolve("") : text(helper.stderr).catch(() => "");
  const handles: Server[] = [];
  return new Promise((resolve, reject) => {
    helper.on("message", (pid, handle) => {
      if (handle instanceof Server) handles.push(handle);
      if (handles.length === count && typeof pid === "number") resolve({ helper, pid, handles });
    });
    helper.once("error", reject);
    helper.once("exit", async (code, signal) => {
      const last = (await errors).trim().split("\n").at(-1) ?? "";
      reject(new Error(last === "" ? `the helper exited with ${code ?? signal}` : last));
    });
  });
}
