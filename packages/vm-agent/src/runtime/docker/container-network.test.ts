/** Programs in a container of a real engine reach the outside through the egress proxy alone. Names and servers are the tests' own. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { silentLogger, systemRandom, systemTimers } from "@samovar/base";
import { type EgressPolicy, NO_LIMITS, OPEN_EGRESS } from "@samovar/contracts";
import { reportOmission, VM_AGENT_BUNDLE } from "@samovar/testing";
import { startTestEngine } from "@samovar/testing/docker-engine";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  createOutside,
  createUse,
  PUBLIC_ADDRESS,
  type Refused,
  startRawServer,
  startWebServer,
} from "../../egress/outside.testing.ts";
import { startGateway } from "../../gateway/gateway.ts";
import { listenOnLoopback } from "../../listen.ts";
import { createRuntime } from "../create-runtime.ts";
import { createWorkspaceNetwork } from "../network/create-network.ts";
import { type ContainerSettings, createHostContainer, findDocker } from "./choose-docker.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";
const found = await startTestEngine();

if (typeof found === "string") {
  test("without an engine, these tests are named at the end of the run", () => {
    reportOmission({ what: "the network of docker containers", tests: 5, reason: found });
  });
} else {
  const engine = found;
  let node: string;
  let settings: ContainerSettings;
  beforeAll(async () => {
    node = mkdtempSync(join(tmpdir(), "smv-docker-network-"));
    const works = await findDocker({
      settings: { image: engine.image },
      hidden: [node],
      stateDir: node,
      readOnlyPaths: [],
      env: { PATH, DOCKER_HOST: engine.address ?? undefined },
      module: VM_AGENT_BUNDLE,
    });
    if (typeof works === "string") throw new Error(works);
    settings = works;
  });
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });
  afterAll(async () => {
    await engine.stop();
    rmSync(node, { recursive: true, force: true });
  });

  /** `port`: of the server that is every address of the outside. */
  async function open(port: number, policy: EgressPolicy) {
    const workspace = mkdtempSync(join(node, "workspace-"));
    const [checkout, home, tmp] = ["repo", "home", "tmp"].map((name) => join(workspace, name));
    if (checkout === undefined || home === undefined || tmp === undefined) throw new Error("three places");
    for (const place of [checkout, home, tmp]) mkdirSync(place);
    const container = createHostContainer(
      settings,
      { repo: checkout, tmp },
      { project: "p", command: [], limits: NO_LIMITS },
    );
    const outside = createOutside(port);
    for (const name of ["tea.example", "git.example"]) outside.names.set(name, [[PUBLIC_ADDRESS]]);
    const bounds = { sandbox: null, container };
    const network = createWorkspaceNetwork(bounds, { log: silentLogger, outside });
    if (network === null) throw new Error("a container has a separate network");
    await network.start();
    const refused: Refused[] = [];
    network.use(createUse(policy, refused));
    const mark = workspace.slice(-6);
    const runtime = createRuntime({ places: { checkout, home }, ...bounds, network, mark, timers: systemTimers });
    ends.push(async () => {
      await runtime.end();
      await network.close();
    });
    const run = async (line: string) => {
      const env = { PATH, HOME: runtime.seen.home };
      const started = runtime.start({ argv: ["sh", "-c", line], env, stdin: "none", leavesServices: false });
      const [output, errors] = await Promise.all([text(started.stdout), text(started.stderr), started.exited]);
      return (output + errors).trim();
    };
    return { network, outside, refused, run };
  }
  const asking = (url: string) =>
    `node -e 'require("http").get("${url}", (r) => (process.stdout.write(r.statusCode + " "), r.pipe(process.stdout))).on("error", (e) => console.log(e.code))'`;

  test("[R50] a program uses the proxy, which lets it out by the project's policy alone", async () => {
    const web = await startWebServer();
    ends.push(() => web.close());
    const { network, outside, refused, run } = await open(web.port, OPEN_EGRESS);
    expect(await run(asking("http://tea.example/cup"))).toContain("200 GET /cup tea.example");
    expect(outside.connected).toEqual([`${PUBLIC_ADDRESS}:80`]);
    network.use(createUse({ mode: "allow-list", hosts: ["milk.example"] }, refused));
    expect(await run(asking("http://tea.example/cup"))).toMatch(/^403 Refused a connection to tea\.example:80/);
    expect(refused).toEqual([{ target: { host: "tea.example", port: 80 }, reason: "not-listed" }]);
    expect(web.requests).toHaveLength(1);
  });

  test("[R50] [security 24] a program without the proxy's variables reaches nothing, and has no interface but loopback", async () => {
    const web = await startWebServer();
    ends.push(() => web.close());
    const { outside, run } = await open(web.port, OPEN_EGRESS);
    const bare = "env -u http_proxy -u HTTP_PROXY -u NODE_USE_ENV_PROXY";
    for (const host of [PUBLIC_ADDRESS, "169.254.169.254", "10.0.0.1"])
      expect(await run(`${bare} ${asking(`http://${host}/`)}`)).toBe("ENETUNREACH");
    expect(await run("sed -n '3,$ s/:.*//p' /proc/net/dev | tr -d ' '")).toBe("lo");
    expect([...web.requests, ...outside.connected]).toEqual([]);
  });

  test("git over ssh is given a program that goes through the proxy, and says why where it is refused", async () => {
    const greeted: string[] = [];
    const sshd = await startRawServer((socket) => {
      socket.once("data", (bytes: Buffer) => {
        greeted.push(bytes.toString());
        socket.end("SSH-2.0-Tea\r\n");
      });
    });
    ends.push(() => sshd.close());
    const { run } = await open(sshd.port, { mode: "none", hosts: [] });
    const [, program] = /ProxyCommand=(.*) %h %p/.exec(await run('echo "$GIT_SSH_COMMAND"')) ?? [];
    expect(await run(`echo hello | ${program} git.example 2222`)).toBe("SSH-2.0-Tea");
    expect(greeted).toEqual(["hello\n"]);
    expect(await run(`echo hello | ${program} tea.example 22`)).toContain("Refused a connection to tea.example:22");
  });

  test("[security 26] reaches its own gateway, and neither another session's nor a service of the node", async () => {
    const [mine, other] = [await open(0, OPEN_EGRESS), await open(0, OPEN_EGRESS)];
    const ports = { api: "anthropic", random: systemRandom, log: silentLogger } as const;
    const gateway = await startGateway({ ...ports, listen: mine.network.listen });
    const service = createServer((socket) => socket.end());
    const port = await listenOnLoopback(service);
    ends.push(
      () => gateway.close(),
      () => service.close(),
    );
    const line = asking(`${gateway.url}/v1/models`);
    expect(await mine.run(line)).toMatch(/^40\d .*this gateway serves only its own session/);
    expect(await other.run(line)).toBe("ECONNREFUSED");
    expect(await mine.run(asking(`http://127.0.0.1:${port}`))).toBe("ECONNREFUSED");
  });

  test("[security 23] a service of the node is reached through the proxy by no name", async () => {
    const web = await startWebServer();
    ends.push(() => web.close());
    const { outside, run } = await open(web.port, { mode: "open", hosts: ["localhost", "127.0.0.1", "[::1]"] });
    for (const name of ["localhost", "rebind.example"]) outside.names.set(name, [["127.0.0.1"]]);
    const through = (host: string) =>
      `node -e 'const { port } = new URL(process.env.http_proxy); require("http").get({ port, host: "127.0.0.1", path: "http://${host}:${web.port}/", agent: false }, (r) => console.log(r.statusCode))'`;
    for (const host of ["127.0.0.1", "localhost", "rebind.example", "[::1]"])
      expect(await run(`env -u NODE_USE_ENV_PROXY ${through(host)}`)).toBe("403");
    expect([...web.requests, ...outside.connected]).toEqual([]);
  });
}
