/** What the recovery tests begin with: an installation, a person, and a project with a bare repository. */
import { join } from "node:path";
import type { ProjectView } from "@samovar/contracts";
import { expect } from "vitest";
import { type Installation, removeDirectory, startInstallation } from "./installation.ts";
import { Person } from "./person.ts";
import { listProcesses } from "./processes.ts";
import { makeRemote } from "./repository.ts";

export interface Site {
  /** Replaced by a test that restarts it; the person follows. */
  here: Installation;
  readonly person: Person;
  readonly project: ProjectView;
  /** The directory of the project's repository. */
  readonly remote: string;
}

/** `hooks`: of the repository, by name. */
export async function startSite(
  env: Readonly<Record<string, string>>,
  hooks: Readonly<Record<string, string>> = {},
): Promise<Site> {
  const here = await startInstallation({ env });
  const remote = makeRemote(join(here.dataDir, "remote.git"), hooks);
  const project = await new Person(() => here).makeProject(remote);
  const site: Site = { here, person: new Person(() => site.here), project, remote };
  return site;
}

/** Stops everything; none of its processes may be left. */
export async function stopSite({ here }: Site): Promise<void> {
  await here.stop();
  const left = await listProcesses(here.dataDir);
  await removeDirectory(here.dataDir);
  expect(left).toEqual([]);
}
