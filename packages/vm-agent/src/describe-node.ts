/** Describes where agents would run on this computer, before there is a node. Changes nothing. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { NodeRuntime } from "@samovar/contracts";
import { describeEnforcement } from "./limits/cgroups.ts";
import { chooseRuntime } from "./runtime/choose-runtime.ts";
import { ownModule } from "./runtime/docker/choose-docker.ts";
import { readRuntimeSettings, readUserMode } from "./settings.ts";
import { chooseUsers } from "./users/choose-users.ts";

/** `directory`: an installation's directory, which need not exist yet. */
export async function describeNode(directory: string): Promise<NodeRuntime> {
  let parent = dirname(directory);
  while (!existsSync(parent)) parent = dirname(parent);
  const { trial: user } = await chooseUsers({
    mode: readUserMode(process.env),
    path: process.env["PATH"] ?? "",
    stateDir: null,
    programDirectories: [parent],
    files: [process.execPath, ownModule()].filter((file) => file !== ""),
  });
  const { kind, reason } = await chooseRuntime(readRuntimeSettings(process.env), directory, process.env, { user });
  return { kind, reason, limits: describeEnforcement(kind), users: user === null ? "shared" : "separate" };
}
