/** What a server's processes see: little, and nothing of the shell that started the cloud. */
import { dirname, join } from "node:path";
import type { ServiceUnit } from "@samovar/cloud-init";
import { resolveInRoot, type Layout } from "./layout.ts";

export interface EnvironmentInput {
  readonly layout: Layout;
  /** Value of `SAMOVAR_SERVER_ID`: by it all processes of the server are found again. */
  readonly serverMark: string;
  readonly nodeBinary: string;
  /** Directory of Node, and of the stand-ins for what only a real machine has. */
  readonly shims: string;
  readonly extra: Readonly<Record<string, string>>;
}

export type Environment = Readonly<Record<string, string>>;

export const MARK = "SAMOVAR_SERVER_ID";
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin";

export function createMachineEnvironment({
  layout,
  serverMark,
  nodeBinary,
  shims,
  extra,
}: EnvironmentInput): Environment {
  return {
    ...extra,
    PATH: [shims, dirname(nodeBinary), extra["PATH"] ?? SYSTEM_PATH].join(":"),
    LANG: "C.UTF-8",
    HOME: join(layout.root, "root"),
    TMPDIR: join(layout.root, "tmp"),
    SAMOVAR_ROOT: layout.root,
    [MARK]: serverMark,
  };
}

/** The unit's own assignments, with their paths on the server's disk; its PATH goes before the machine's. */
export function createServiceEnvironment(machine: Environment, unit: ServiceUnit, layout: Layout): Environment {
  const own = Object.entries(unit.environment).map(([name, value]) => {
    const mapped = value
      .split(":")
      .map((part) => resolveInRoot(layout, part))
      .join(":");
    return [name, name === "PATH" ? `${mapped}:${machine["PATH"] ?? ""}` : mapped];
  });
  return { ...machine, ...Object.fromEntries(own), [MARK]: machine[MARK] ?? "" };
}
