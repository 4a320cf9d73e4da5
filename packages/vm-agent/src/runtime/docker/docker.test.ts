/** Containers of a real engine beyond the runtimes' contract: images, ports, limits, what an inspection shows, leftovers. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { systemTimers } from "@samovar/base";
import { reportOmission, VM_AGENT_BUNDLE } from "@samovar/testing";
import { startTestEngine } from "@samovar/testing/docker-engine";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createHostContainer, DEFAULT_DOCKER_SETTINGS, findDocker, type ContainerSettings } from "./choose-docker.ts";
import { createCallProfile } from "./call-profile.ts";
import { CONTAINER_NODE } from "./container-arguments.ts";
import { DockerRuntime } from "./docker-runtime.ts";
import { NO_NETWORK } from "../network/workspace-network.ts";
import { findImage } from "./image.ts";
import { removeContainers } from "./engine.ts";

const LIMITS = { processes: 64, memoryBytes: 512 * 1024 ** 2, diskBytes: null };
const MAX = { processes: LIMITS.processes, memoryBytes: LIMITS.memoryBytes };
const PATH = "/usr/local/bin:/usr/bin:/bin";
const found = await startTestEngine();

if (typeof found === "string") {
  test("without an engine, these tests are named at the end of the run", () => {
    reportOmission({ what: "docker's images, ports, limits and leftovers", tests: 8, reason: found });
  });
} else {
  const engine = found;
  let node: string;
  let settings: ContainerSettings;
  const env = { PATH, DOCKER_HOST: engine.address ?? undefined };
  const probe = (change: { readonly image?: string; readonly module?: string } = {}) =>
    findDocker({
      settings: { ...DEFAULT_DOCKER_SETTINGS, image: change.image ?? engine.image },
      hidden: [node],
      stateDir: node,
      readOnlyPaths: [],
      env,
      module: change.module ?? VM_AGENT_BUNDLE,
    });

  beforeAll(async () => {
    node = mkdtempSync(join(tmpdir(), "smv-docker-test-"));
    const works = await probe();
    if (typeof works === "string") throw new Error(works);
    settings = works;
  });
  afterAll(async () => {
    await engine.stop();
    rmSync(node, { recursive: true, force: true });
  });

  let count = 0;
  const makeRuntime = (files: Readonly<Record<string, string>> = {}, ports: readonly number[] = []) => {
    const workspace = join(node, `w${(count += 1)}`);
    const places = { repo: join(workspace, "repo"), tmp: join(workspace, "tmp") };
    mkdirSync(join(places.repo, ".devcontainer"), { recursive: true });
    mkdirSync(join(workspace, "home"));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(places.repo, name), content);
    const mark = `mark-${count}`;
    const container = createHostContainer(settings, places, { project: "prj_Tea", command: [], limits: LIMITS });
    const network = { programs: { ...NO_NETWORK.programs, ports: new Set(ports) } };
    const home = join(workspace, "home");
    const runtime = new DockerRuntime({ home, container, network, mark, timers: systemTimers });
    const run = async (line: string, variables: Readonly<Record<string, string>> = {}) => {
      const argv = ["sh", "-c", line] as const;
      const started = runtime.start({ argv, env: { PATH, ...variables }, stdin: "none", leavesServices: true });
      const [output, errors, exit] = await Promise.all([text(started.stdout), text(started.stderr), started.exited]);
      return exit.error ?? (output + errors).trim();
    };
    const outputs: string[] = [];
    const prepare = (allowsNetwork = false) =>
      runtime.prepare({
        signal: new AbortController().signal,
        allowsNetwork,
        onOutput: (part) => outputs.push(part),
      });
    return { runtime, run, prepare, outputs, mark, container };
  };
  const inspect = (mark: string, format: string) =>
    engine.docker(
      "inspect",
      "--format",
      format,
      engine.docker("ps", "-q", "--filter", `label=samovar.mark=${mark}`).trim(),
    );

  test("[security 37] a container has no capability, no new privileges, no network, limits, and no socket of the engine", async () => {
    const { run, runtime, mark } = makeRuntime();
    await run("true");
    const config = JSON.parse(inspect(mark, "{{json .HostConfig}}")) as Record<string, unknown>;
    expect(config).toMatchObject({
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges", `seccomp=${createCallProfile()}`],
      NetworkMode: "none",
      ReadonlyRootfs: true,
      Privileged: false,
      PidsLimit: 64,
      Memory: 512 * 1024 ** 2,
      AutoRemove: true,
    });
    expect(JSON.stringify(config)).not.toMatch(/docker\.sock/);
    expect(await run("grep : /proc/net/dev; ls /var/run /run; grep Cap /proc/self/status")).toMatch(
      /^ *lo:.*\n\/run:\nCapInh[^]*CapEff:\t0{16}/,
    );
    expect(await run("ls /sys/kernel /sys/class; cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max")).toMatch(
      /^\/sys\/class:\n\n\/sys\/kernel:\n(?:cat.*\n)?64/,
    );
    await runtime.end();
  });

  test("[security 37] its limits hold: processes, memory", async () => {
    const { run, runtime } = makeRuntime();
    expect(runtime.readUsage(MAX)).toEqual({ processes: 0, memoryBytes: 0 });
    await run("sleep 100 & sleep 100 & true");
    await vi.waitFor(() => expect(runtime.readUsage(MAX).processes).toBeGreaterThan(3));
    expect(runtime.readUsage(MAX).processes).toBeLessThanOrEqual(LIMITS.processes);
    expect(await run('i=0; while [ $i -lt 200 ]; do sleep 100 & i=$((i+1)); done; echo "made all"')).not.toContain(
      "made all",
    );
    expect(runtime.readUsage(MAX).processes).toBeGreaterThan(LIMITS.processes);
    await runtime.end();
    const eater = "const kept = []; for (;;) kept.push(Buffer.alloc(16 * 1024 ** 2, 1));";
    expect(await run(`${CONTAINER_NODE} -e '${eater}'; echo "ended with $?"`)).toMatch(/ended with (?!0)|^$/);
    await runtime.end();
  });

  test("[security 32] neither the environment nor the program is part of what the engine shows of a container", async () => {
    const { run, runtime, mark } = makeRuntime();
    expect(await run('echo "$KETTLE"', { KETTLE: "canary-of-the-kettle" })).toBe("canary-of-the-kettle");
    expect(
      engine.docker("inspect", engine.docker("ps", "-q", "--filter", `label=samovar.mark=${mark}`).trim()),
    ).not.toContain("canary");
    await runtime.end();
  });

  test("a forwarded port of the node is reachable at the container's own loopback, and no other port is", async () => {
    const server = createServer((request, response) => request.pipe(response)).listen(0, "127.0.0.1");
    const other = createServer((_request, response) => response.end("other")).listen(0, "127.0.0.1");
    await Promise.all([server, other].map((each) => new Promise((resolve) => each.once("listening", resolve))));
    const [port, closed] = [server, other].map((each) => (each.address() as AddressInfo).port);
    const { run, runtime } = makeRuntime({}, [port ?? 0]);
    const ask = (at: number | undefined) =>
      run(
        `${CONTAINER_NODE} -e 'fetch("http://127.0.0.1:${at}", { method: "POST", body: "x".repeat(3e6) }).then(async (r) => console.log((await r.text()).length), (e) => console.log(e.cause.code))'`,
      );
    expect(await ask(port)).toBe("3000000");
    expect(await ask(closed)).toBe("ECONNREFUSED");
    await runtime.end();
    for (const each of [server, other]) each.close();
  });

  test("builds the image of a devcontainer once, runs in it, and says what it did not use", async () => {
    const files = {
      ".devcontainer/Dockerfile": `FROM ${engine.image}\nARG LEAF\nENV KETTLE_HOME=/opt/tea ANTHROPIC_BASE_URL=https://evil.test\nCOPY leaf /leaf\nRUN echo "$LEAF" >/kind\n`,
      ".devcontainer/leaf": "leaves\n",
      ".devcontainer/devcontainer.json": `{ "build": { "dockerfile": "Dockerfile", "args": { "LEAF": "green" } }, // tea
        "containerEnv": { "CUP": "small" }, "runArgs": ["--privileged"], "postCreateCommand": "echo brewed" }`,
    };
    const first = makeRuntime(files);
    expect(await first.prepare()).toEqual({ ok: true, value: { commands: [["sh", "-c", "echo brewed"]] } });
    expect(first.outputs.join("")).toMatch(/not used: runArgs\nBuilding the devcontainer's image[^]*COPY leaf/);
    const line = 'cat /leaf /kind; echo "$KETTLE_HOME $CUP $ANTHROPIC_BASE_URL."; grep CapEff /proc/self/status';
    expect(await first.run(line)).toBe("leaves\ngreen\n/opt/tea small .\nCapEff:\t0000000000000000");
    await first.runtime.end();
    const second = makeRuntime(files);
    expect(await second.prepare()).toMatchObject({ ok: true });
    expect(second.outputs.join("")).not.toContain("Building");
    expect(await findImage(second.container)).toMatch(/^samovar-prj-tea:/);
    // Nothing is built for a look-up.
    expect(await findImage(makeRuntime({ ...files, ".devcontainer/leaf": "new leaves\n" }).container)).toBeNull();
    expect(await findImage(makeRuntime().container)).toBeNull();
    const third = makeRuntime({ ...files, ".devcontainer/leaf": "other leaves\n" });
    expect(await third.prepare()).toMatchObject({ ok: true });
    expect(await third.run("cat /leaf")).toBe("other leaves");
    await third.runtime.end();
    // Only the newest is kept.
    expect(engine.docker("images", "-q", "samovar-prj-tea").trim().split("\n")).toHaveLength(1);
    engine.docker("rmi", engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}", "samovar-prj-tea").trim());
  });

  test("an image that cannot be built, or had, is a failure that says why", async () => {
    const config = { ".devcontainer/devcontainer.json": '{ "build": { "dockerfile": "Dockerfile" } }' };
    const broken = { ...config, ".devcontainer/Dockerfile": `FROM ${engine.image}\nRUN echo no leaves >&2; exit 3\n` };
    expect(await makeRuntime(broken).prepare()).toMatchObject({
      ok: false,
      error: {
        code: "image_failed",
        message: expect.stringMatching(/could not be built[^]*returned a non-zero code: 3|exit code: 3/),
      },
    });
    expect(await makeRuntime(config).prepare()).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("The Dockerfile Dockerfile is not in the repository.") },
    });
    const outside = { ".devcontainer/devcontainer.json": '{ "build": { "dockerfile": "../../../../../etc/passwd" } }' };
    expect(await makeRuntime(outside).prepare()).toMatchObject({ ok: false });
    const absent = makeRuntime({ ".devcontainer/devcontainer.json": '{ "image": "127.0.0.1:9/none:1" }' });
    expect(await absent.prepare()).toMatchObject({
      ok: false,
      error: { message: expect.stringMatching(/^The image 127.0.0.1:9\/none:1 could not be pulled. /) },
    });
    expect(absent.outputs.join("")).toContain("Pulling 127.0.0.1:9/none:1");
  });

  test("the trial says what is missing: an image, or what its programs need", async () => {
    expect(await probe({ image: "127.0.0.1:9/none:1" })).toMatch(/could not be pulled[^]*Set WORKSPACE_IMAGE/);
    expect(await probe({ module: "/nonexistent.mjs" })).toMatch(/containers do not work here/);
    const elsewhere = { ...env, DOCKER_HOST: `unix://${node}/none.sock` };
    const away = {
      settings: DEFAULT_DOCKER_SETTINGS,
      hidden: [],
      stateDir: node,
      readOnlyPaths: [],
      module: VM_AGENT_BUNDLE,
    };
    expect(await findDocker({ ...away, env: elsewhere })).toMatch(/engine does not answer[^]*usermod/);
    expect(await findDocker({ ...away, env: { PATH: "/nonexistent" } })).toMatch(/^docker is not installed/);
  });

  test("[security 38] a container does not outlive its session host, and leftovers of others are removed by their mark", async () => {
    const listed = () => engine.docker("ps", "--all", "--format", "{{.Names}}").trim();
    const file = join(node, "host.ts");
    const { mark } = makeRuntime();
    const options = JSON.stringify({
      home: join(node, `w${count}/home`),
      container: createHostContainer(
        settings,
        { repo: join(node, `w${count}/repo`), tmp: join(node, `w${count}/tmp`) },
        { project: "p", command: [], limits: LIMITS },
      ),
      mark,
      network: { programs: { environment: {}, files: {} } },
    });
    writeFileSync(
      file,
      `import { DockerRuntime } from ${JSON.stringify(join(import.meta.dirname, "docker-runtime.ts"))};
       const options = ${options};
       options.network.programs.ports = new Set();
       const runtime = new DockerRuntime({ ...options, timers: { after: () => () => {} } });
       runtime.start({ argv: ["sh", "-c", "setsid sleep 1000 & echo up; sleep 1000"], env: {}, stdin: "none", leavesServices: true })
         .stdout.pipe(process.stdout);`,
    );
    const host = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => host.stdout.once("data", resolve));
    expect(listed()).toContain(mark);
    host.kill("SIGKILL");
    await vi.waitFor(() => expect(listed()).toBe(""));

    const { program, address, owner } = settings;
    for (const [name, of] of [
      ["left", owner],
      ["kept", owner],
      ["foreign", "/another/node"],
    ] as const)
      engine.docker(
        "run",
        "--detach",
        "--network=none",
        `--name=${name}`,
        `--label=samovar.node=${of}`,
        `--label=samovar.mark=${name}`,
        engine.image,
        "sleep",
        "1000",
      );
    expect(await removeContainers({ program, address }, owner, (each) => each !== "kept")).toBe(1);
    expect(listed().split("\n").toSorted()).toEqual(["foreign", "kept"]);
    engine.docker("rm", "--force", "kept", "foreign");
  });
}
