import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonLogger, systemClock } from "@samovar/base";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RuntimeChoice } from "../../runtime/choose-runtime.ts";
import { SessionRuntimes } from "./session-runtimes.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "smv-runtimes-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A node whose programs are these shell scripts. */
function makeRuntimes(name: string, node: RuntimeChoice, programs: Readonly<Record<string, string>>) {
  const stateDir = join(directory, name);
  const bin = join(stateDir, "bin");
  mkdirSync(bin, { recursive: true });
  const setProgram = (program: string, script: string) =>
    writeFileSync(join(bin, program), `#!/bin/sh\necho "$*" >>${stateDir}/calls\n${script}\n`, { mode: 0o755 });
  for (const [program, script] of Object.entries(programs)) setProgram(program, script);
  const logger = jsonLogger({ clock: systemClock, write: () => {} });
  const settings = { mode: "auto", readOnlyPaths: [] } as const;
  const env = { PATH: `${bin}:/usr/bin:/bin`, DOCKER_HOST: `unix://${stateDir}/none.sock` };
  const runtimes = new SessionRuntimes({
    node,
    settings,
    stateDir,
    module: "/nonexistent.mjs",
    env,
    trial: null,
    logger,
  });
  const listCalls = () => readFileSync(join(stateDir, "calls"), "utf8").trim().split("\n");
  return { runtimes, stateDir, setProgram, listCalls };
}

/** Runs what follows `--`, without a sandbox. */
const RUN = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"';

const PROCESS: RuntimeChoice = { kind: "process", reason: "No bubblewrap.", sandbox: null };

test("a project without a demand, or with one for what its node has, gets the node's runtime", async () => {
  const { runtimes } = makeRuntimes("plain", PROCESS, {});
  expect(await runtimes.get(null)).toBe(PROCESS);
  const docker: RuntimeChoice = { kind: "docker", reason: null, sandbox: null };
  expect(await makeRuntimes("docker", docker, {}).runtimes.get("docker")).toBe(docker);
});

test("[security 37] a demand that a node cannot meet is unavailable, never less, and tried again for the next session", async () => {
  const failing = "echo 'no permission' >&2; exit 1";
  const { runtimes, setProgram } = makeRuntimes("failing", PROCESS, { bwrap: failing, docker: failing });
  expect(await runtimes.get("sandbox")).toMatchObject({ kind: "unavailable", sandbox: null });
  expect(await runtimes.get("docker")).toMatchObject({
    kind: "unavailable",
    demanded: "docker",
    reason: expect.stringContaining("no permission"),
  });
  // Its network's helper is run, and the trial's last step answers.
  setProgram("nsenter", RUN);
  setProgram("bwrap", `case "$*" in *--unshare-net*) ${RUN};; esac; echo works`);
  expect(await runtimes.get("sandbox")).toMatchObject({ kind: "sandbox" });
  setProgram("bwrap", failing);
  expect(await runtimes.get("sandbox"), "what works is not tried again").toMatchObject({ kind: "sandbox" });
});

test("containers that an earlier daemon left are removed through the engine that it used, but for those of open sessions", async () => {
  const listing = 'case "$*" in *" ps "*) echo "id1 ses-open"; echo "id2 ses-gone";; esac';
  const made = makeRuntimes("left", PROCESS, { docker: listing });
  const program = join(made.stateDir, "bin/docker");
  await made.runtimes.removeContainers(() => true);
  writeFileSync(join(made.stateDir, "container-engine.json"), JSON.stringify({ program, address: "unix:///e.sock" }));
  await made.runtimes.removeContainers((mark) => mark !== "ses-open");
  expect(made.listCalls()).toEqual([
    expect.stringContaining(`--host unix:///e.sock ps --all --no-trunc --filter label=samovar.node=${made.stateDir}`),
    "--host unix:///e.sock rm --force --volumes id2",
  ]);
});
