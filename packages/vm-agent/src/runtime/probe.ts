/** Tries a sandbox and its network with the very arguments that tasks get. */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { errorMessage } from "@samovar/base";
import type { HostUser } from "@samovar/contracts";
import { listenOnLoopback } from "../listen.ts";
import { becomeUser } from "../users/become-user.ts";
import { makePlaces, PASSABLE } from "../users/places.ts";
import { createCallFilter, passCallFilter } from "./call-filter.ts";
import { type NetworkNamespace, openNamespace } from "./network/namespace.ts";
import { toPipes } from "./pipes.ts";
import { getSandboxArguments, SEEN, type SandboxPlaces, type SandboxSettings } from "./sandbox-arguments.ts";

/** Generous, because a slow machine must not get the weaker runtime. */
const PROBE_TIMEOUT_MS = 120_000;

/** What a workspace relies on. It fails when one of its steps does. `$3` and `$4`: ports inside and outside. */
const PROBE = `test "$PWD" = ${SEEN.checkout} && test $$ = 2 && touch made "$HOME/made" /tmp/made && test ! -e "$1" && "$2" -e "$5" "$3" "$4" && echo works`;

/** A server inside answers, and one of the node does not. */
const REACHES = `const [inside, outside] = process.argv.slice(1).map(Number);
const reach = (port) => new Promise((resolve) =>
  require("node:net").connect(port, "127.0.0.1").on("connect", () => resolve(true)).on("error", () => resolve(false)));
Promise.all([reach(inside), reach(outside)]).then(([inner, outer]) => {
  if (!inner) console.error("the network does not work inside");
  if (outer) console.error("the network is shared with the node");
  process.exit(inner && !outer ? 0 : 1);
});`;

/** Null when it works, else the end of its output. `user`: the one who runs it. */
export async function tryOut(settings: SandboxSettings, path: string, user: HostUser | null): Promise<string | null> {
  const directory = mkdtempSync(join(tmpdir(), "samovar-sandbox-"));
  const [inside, outside] = [createAnswering(), createAnswering()];
  let namespace: NetworkNamespace | null = null;
  try {
    namespace = await openNamespace(settings, 1);
    const ports = [await namespace.listen(inside), await listenOnLoopback(outside)];
    const places = { checkout: join(directory, "repo"), home: join(directory, "home"), tmp: join(directory, "tmp") };
    if (user !== null) chmodSync(directory, PASSABLE);
    makePlaces({ ...places, repo: places.checkout }, user);
    const command = ["/bin/sh", "-c", PROBE, "sh", directory, process.execPath, ...ports.map(String), REACHES];
    return await run({ settings, places, namespace, command, path, user });
  } catch (error) {
    return errorMessage(error);
  } finally {
    for (const server of [inside, outside]) server.close();
    namespace?.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const createAnswering = (): Server => createServer((socket) => socket.on("error", () => {}).end());

interface Probe {
  readonly settings: SandboxSettings;
  readonly places: SandboxPlaces;
  readonly namespace: NetworkNamespace;
  readonly command: readonly string[];
  readonly path: string;
  readonly user: HostUser | null;
}

/** Of the filter of calls. */
const FILTER_FD = 3;

async function run({ settings, places, namespace, command, path, user }: Probe): Promise<string | null> {
  const filter = createCallFilter(process.arch);
  const mounts = getSandboxArguments(places, settings, command, path, user);
  const calls = filter === null ? [] : ["--seccomp", String(FILTER_FD)];
  const inside = becomeUser(user, [settings.program, ...mounts, ...calls, "--", ...command]);
  const [file, ...enter] = namespace.enter;
  const child = spawn(file, [...enter, ...inside], {
    env: { PATH: path, HOME: SEEN.home },
    timeout: PROBE_TIMEOUT_MS,
    killSignal: "SIGKILL",
    stdio: ["ignore", "pipe", "pipe", filter === null ? "ignore" : "pipe"],
  });
  passCallFilter(child, FILTER_FD, filter);
  const failed = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(code === 0 ? "" : `bubblewrap ended with ${code ?? signal}`));
  });
  const { stdout, stderr } = toPipes(child);
  const [output, errors, fault] = await Promise.all([text(stdout), text(stderr), failed]);
  if (fault === "" && output === "works\n") return null;
  return errors.trim() || fault || "no answer";
}
