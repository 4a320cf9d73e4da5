/** Calls a container engine through its own client, `docker`, which knows where the engine is and how to log in to registries. */
import { spawn, type ChildProcess } from "node:child_process";
import { text } from "node:stream/consumers";
import type { HostContainer } from "@samovar/contracts";
import { LABELS } from "./container-arguments.ts";

/** The client's program, and the engine's address; null: the client's own default. */
export type Engine = Pick<HostContainer, "program" | "address">;

export interface EngineAnswer {
  readonly ok: boolean;
  readonly output: string;
  /** The end of what it reported beside. */
  readonly errors: string;
}

const ERRORS_MAX_CHARS = 4000;
/** An engine that does not answer at all must not keep a session from its end. */
const REMOVAL_TIMEOUT_MS = 60_000;
/** What the client itself reads. It gets nothing else of this process's environment. */
const CLIENT_VARIABLES =
  /^(?:PATH|HOME|USER|LANG|TMPDIR|XDG_RUNTIME_DIR|XDG_CONFIG_HOME|DOCKER_\w+|SSL_CERT_(?:FILE|DIR)|https?_proxy|no_proxy)$/i;

/** argv of a call. */
export const getEngineArgv = (
  { program, address }: Engine,
  args: readonly string[],
): readonly [string, ...string[]] => [program, ...(address === null ? [] : ["--host", address]), ...args];

export function getClientEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const known = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && CLIENT_VARIABLES.test(name) ? [[name, value]] : [],
  );
  return { ...Object.fromEntries(known), BUILDKIT_PROGRESS: "plain", DOCKER_CLI_HINTS: "false" };
}

/** Never throws. `onOutput` gets what the client reports meanwhile, on both pipes. An abort ends the client. */
export async function callEngine(
  engine: Engine,
  args: readonly string[],
  options: { readonly signal?: AbortSignal; readonly onOutput?: (bytes: Buffer) => void } = {},
): Promise<EngineAnswer> {
  const [file, ...words] = getEngineArgv(engine, args);
  const { signal, onOutput } = options;
  const child = spawn(file, words, {
    cwd: "/",
    env: getClientEnvironment(process.env),
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal === undefined ? {} : { signal, killSignal: "SIGKILL" as const }),
  });
  if (onOutput !== undefined) for (const pipe of [child.stdout, child.stderr]) pipe.on("data", onOutput);
  const [output, errors, fault] = await Promise.all([text(child.stdout), text(child.stderr), waitForExit(child)]);
  // How the client ended says something only where it said nothing.
  const report = errors.trim() === "" ? (fault ?? "") : errors.trim();
  return { ok: fault === null, output, errors: report.slice(-ERRORS_MAX_CHARS) };
}

/** Null for success, else what happened. */
function waitForExit(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(code === 0 ? null : `docker ended with ${signal ?? code}`));
  });
}

/** Removes the containers of a node, or of one session there. Best effort: returns how many there were. */
export async function removeContainers(
  engine: Engine,
  owner: string,
  isLeftover: (mark: string, name: string) => boolean,
): Promise<number> {
  const format = `{{.ID}} {{.Label "${LABELS.mark}"}} {{.Names}}`;
  const filter = `label=${LABELS.node}=${owner}`;
  const options = { signal: AbortSignal.timeout(REMOVAL_TIMEOUT_MS) };
  const found = await callEngine(
    engine,
    ["ps", "--all", "--no-trunc", "--filter", filter, "--format", format],
    options,
  );
  const ids = found.output.split("\n").flatMap((line) => {
    const [id = "", mark = "", name = ""] = line.split(" ");
    return id !== "" && isLeftover(mark, name) ? [id] : [];
  });
  if (ids.length > 0) await callEngine(engine, ["rm", "--force", "--volumes", ...ids], options);
  return ids.length;
}
