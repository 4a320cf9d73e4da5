/** Whether an agent's program is on this machine: looked for only, never started. */
import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import type { AgentProgram } from "@samovar/contracts";

export interface FoundProgram {
  /** `part` of Samovar itself; `later`: installed when a task first needs it. */
  readonly state: "part" | "installed" | "later" | "missing";
  /** Package and version, or the program; empty for `part`. */
  readonly what: string;
}

export async function findProgram(
  program: AgentProgram,
  dataDir: string,
  env: Readonly<NodeJS.ProcessEnv>,
): Promise<FoundProgram> {
  switch (program.from) {
    case "vm_agent":
      return { state: "part", what: "" };
    case "npm": {
      const { name, version } = program.package;
      // As the vm-agent names it; the directory appears when its installation is whole.
      const place = join(dataDir, "agents", `${name.replace("/", "+")}-${version}`);
      return { state: (await can(place, constants.R_OK)) ? "installed" : "later", what: `${name} ${version}` };
    }
    case "path": {
      const { command } = program;
      const places = isAbsolute(command)
        ? [command]
        : (env["PATH"] ?? "")
            .split(delimiter)
            .flatMap((directory) => (directory === "" ? [] : [join(directory, command)]));
      const found = await Promise.all(places.map((place) => can(place, constants.X_OK)));
      return { state: found.includes(true) ? "installed" : "missing", what: command };
    }
  }
}

function can(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
