/** Finds out whether an agent's program is on this machine, without starting it. */
import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import type { AgentProgram } from "@samovar/contracts";
import { nameInstallation } from "@samovar/domain/agent-installation";

export interface FoundProgram {
  /** `included`: part of Samovar; `on_demand`: installed when a task first needs it. */
  readonly state: "included" | "installed" | "on_demand" | "missing";
  /** Package and version, or the command; empty for `included`. */
  readonly what: string;
}

export async function findProgram(
  program: AgentProgram,
  dataDir: string,
  env: Readonly<NodeJS.ProcessEnv>,
): Promise<FoundProgram> {
  switch (program.from) {
    case "vm_agent":
      return { state: "included", what: "" };
    case "npm": {
      const { name, version } = program.package;
      // The directory appears only when its installation is complete.
      const path = join(dataDir, "agents", nameInstallation(program.package));
      return { state: (await canAccess(path, constants.R_OK)) ? "installed" : "on_demand", what: `${name} ${version}` };
    }
    case "path": {
      const { command } = program;
      const paths = isAbsolute(command)
        ? [command]
        : (env["PATH"] ?? "")
            .split(delimiter)
            .flatMap((directory) => (directory === "" ? [] : [join(directory, command)]));
      const found = await Promise.all(paths.map((path) => canAccess(path, constants.X_OK)));
      return { state: found.includes(true) ? "installed" : "missing", what: command };
    }
  }
}

function canAccess(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
