import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chooseRuntime, createRuntimeFailure } from "./choose-runtime.ts";
import { getSandboxArguments } from "./sandbox-arguments.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "smv-choice-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs what follows `--`, without a sandbox. */
const RUN = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"';

/** Of the probe, only the step that tries the network. */
const TRY_NETWORK = 'while [ "$1" != -- ]; do shift; done; shift 6; "$1" -e "$4" "$2" "$3" && echo works';

/** A `bwrap` and an `nsenter` first on the PATH that do what the scripts say. */
function withBubblewrap(
  name: string,
  script: string,
  nsenter = RUN,
): { readonly PATH: string; readonly DOCKER_HOST: string } {
  const bin = join(directory, name);
  mkdirSync(bin);
  for (const [program, text] of Object.entries({ bwrap: script, nsenter }))
    writeFileSync(join(bin, program), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  // No engine answers there, also where this machine has one.
  return { PATH: `${bin}:/usr/bin:/bin`, DOCKER_HOST: `unix://${directory}/no-engine.sock` };
}

test("the process runtime is chosen by its setting, without trying a sandbox", async () => {
  const env = withBubblewrap("never", "exit 1");
  expect(await chooseRuntime({ mode: "process", readOnlyPaths: [] }, directory, env)).toEqual({
    kind: "process",
    reason: "WORKSPACE_RUNTIME is process.",
    sandbox: null,
  });
});

test("where a sandbox does not work, auto falls back and says why; a demanded sandbox is not replaced", async () => {
  const script = 'echo "bwrap: setting up uid map: Permission denied" >&2; exit 1';
  const env = withBubblewrap("restricted", script);
  const reason = expect.stringMatching(/setting up uid map.*restricts user namespaces.*AppArmor/);
  const choose = (mode: "auto" | "sandbox") => chooseRuntime({ mode, readOnlyPaths: [] }, directory, env);
  expect(await choose("auto")).toEqual({ kind: "process", reason, sandbox: null });
  const demanded = await choose("sandbox");
  expect(demanded).toEqual({ kind: "unavailable", reason, sandbox: null });
  expect(createRuntimeFailure(demanded)).toMatchObject({
    code: "sandbox_unavailable",
    message: expect.stringMatching(/^WORKSPACE_RUNTIME is sandbox, .*AppArmor/),
  });
});

test("[security 37] a demanded container is not replaced by a sandbox that works, nor by less", async () => {
  const env = withBubblewrap("beside", `case "$*" in *--unshare-net*) ${RUN};; esac; echo works`);
  const demanded = await chooseRuntime({ mode: "docker", readOnlyPaths: [] }, directory, env);
  expect(demanded).toMatchObject({ kind: "unavailable", sandbox: null, demanded: "docker" });
  expect(demanded.reason).toMatch(/docker/);
  expect(createRuntimeFailure(demanded)).toMatchObject({
    code: "docker_unavailable",
    message: expect.stringMatching(/^WORKSPACE_RUNTIME is docker, and the node has no working docker engine: /),
  });
  expect(createRuntimeFailure(demanded, true).message).toMatch(/^The project demands the runtime docker, /);
});

test("a program that only claims to be a sandbox is not taken for one", async () => {
  const env = withBubblewrap("fake", "exit 0");
  expect(await chooseRuntime({ mode: "auto", readOnlyPaths: [] }, directory, env)).toMatchObject({ kind: "process" });
});

test("an older bubblewrap is used without the option that it does not have", async () => {
  const script = `case "$*" in
    *--unshare-net*) ${RUN};;
    *--disable-userns*) echo "bwrap: Unknown option --disable-userns" >&2; exit 1;;
  esac; echo works`;
  const env = withBubblewrap("older", script);
  const { sandbox } = await chooseRuntime({ mode: "auto", readOnlyPaths: [] }, directory, env);
  expect(sandbox).toMatchObject({
    disablesUserNamespaces: false,
    program: join(directory, "older/bwrap"),
    nsenter: join(directory, "older/nsenter"),
  });
});

test("[R50] [security 23] where only the network does not work, auto takes no sandbox that shares the node's, and says why", async () => {
  const works = `case "$*" in *--unshare-net*) ${RUN};; esac; echo works`;
  const failure = 'echo "nsenter: reassociate to namespace failed: Operation not permitted" >&2; exit 1';
  const closed = withBubblewrap("closed", works, failure);
  expect(await chooseRuntime({ mode: "auto", readOnlyPaths: [] }, directory, closed)).toEqual({
    kind: "process",
    reason: expect.stringContaining("nsenter: reassociate to namespace failed"),
    sandbox: null,
  });
  // Its helper runs in the node's network, as everything else does.
  const sharing = withBubblewrap("sharing", `case "$*" in *--unshare-net*) ${RUN};; esac; ${TRY_NETWORK}`);
  expect(await chooseRuntime({ mode: "auto", readOnlyPaths: [] }, directory, sharing)).toMatchObject({
    kind: "process",
    reason: expect.stringContaining("the network is shared with the node"),
  });
});

test("a state directory among the system's programs cannot be hidden, so there is no sandbox", async () => {
  const env = withBubblewrap("usr", "echo works");
  const choice = await chooseRuntime({ mode: "auto", readOnlyPaths: [] }, "/usr/lib/samovar", env);
  expect(choice).toMatchObject({ kind: "process", reason: expect.stringContaining("/usr/lib/samovar") });
});

test("[security 23] shows directories of the PATH one by one, and never one that holds the state or the home, also behind a link", () => {
  const bin = join(directory, "tools/bin");
  const state = join(directory, "data/vm/state");
  const link = join(directory, "link");
  for (const each of [bin, state]) mkdirSync(each, { recursive: true });
  symlinkSync(join(directory, "data"), link);
  const path = [
    bin,
    directory,
    link,
    join(directory, "data/vm"),
    state,
    homedir(),
    "/",
    "/etc",
    "/proc/self",
    "relative",
  ];
  const settings = {
    program: "bwrap",
    nsenter: "nsenter",
    disablesUserNamespaces: true,
    hidden: [state, homedir()],
    readOnlyPaths: [],
  };
  const places = { checkout: "/w/repo", home: "/w/home", tmp: "/w/tmp" };
  const words = getSandboxArguments(places, settings, ["sh"], path.join(":"), null);
  const shown = words.flatMap((word, at) => (word === "--ro-bind" ? [words[at + 2]] : []));
  expect(shown).toContain(bin);
  for (const hidden of path.slice(1)) expect(shown).not.toContain(hidden);
  for (const secret of ["/etc", "/etc/ssl", "/etc/ssl/private", "/etc/pki"]) expect(shown).not.toContain(secret);
  expect(words.join(" ")).not.toMatch(/setenv|shadow|\/etc\/ssh/);
});

test("[R48] an agent whose package is behind a link is shown with its whole package, by the name that starts it", () => {
  const agents = join(directory, "disk/agents/tea/node_modules");
  mkdirSync(join(agents, "tea"), { recursive: true });
  writeFileSync(join(agents, "tea/index.js"), "");
  const link = join(directory, "linked");
  symlinkSync(join(directory, "disk"), link);
  const file = join(link, "agents/tea/node_modules/tea/index.js");
  const settings = {
    program: "bwrap",
    nsenter: "nsenter",
    disablesUserNamespaces: true,
    hidden: [],
    readOnlyPaths: [],
  };
  const places = { checkout: "/w/repo", home: "/w/home", tmp: "/w/tmp" };
  const words = getSandboxArguments(places, settings, [process.execPath, file], "/usr/bin", null);
  const shown = words.flatMap((word, at) => (word === "--ro-bind" ? [words[at + 2]] : []));
  expect(shown).toContain(join(link, "agents/tea/node_modules"));
  expect(shown).toContain(agents);
});
