/** The usual programs of a workspace reach the outside through its proxy, and nothing else. Names and servers are the tests' own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPEN_EGRESS } from "@samovar/contracts";
import type { EgressPolicy } from "@samovar/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type EchoServer,
  type Outside,
  PUBLIC_ADDRESS,
  type Refused,
  createOutside,
  createUse,
  startRawServer,
  startWebServer,
} from "../../egress/outside.testing.ts";
import { chooseRuntime } from "../choose-runtime.ts";
import { type NetworkRig, SYSTEM_PATH, openRig } from "./rig.testing.ts";

/** Where user namespaces are restricted, there is no such network; the runtimes' contract says so. */
const choice = await chooseRuntime({ mode: "sandbox", readOnlyPaths: [] }, "/nonexistent", { PATH: SYSTEM_PATH });

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

let refused: Refused[];

async function open(port: number, policy: EgressPolicy): Promise<{ rig: NetworkRig; outside: Outside }> {
  const node = mkdtempSync(join(tmpdir(), "smv-programs-"));
  ends.push(() => rmSync(node, { recursive: true, force: true }));
  const outside = createOutside(port);
  for (const name of ["tea.example", "git.example", "registry.example"]) outside.names.set(name, [[PUBLIC_ADDRESS]]);
  const rig = await openRig(node, choice, outside);
  ends.push(() => rig.end());
  refused = [];
  rig.network?.use(createUse(policy, refused));
  return { rig, outside };
}

const PROGRAMS = [
  { what: "curl", line: "curl -s -S http://tea.example/cup", asks: "/cup" },
  {
    what: "Node's fetch",
    line: `"$NODE" -e 'fetch("http://tea.example/cup").then((r) => r.text()).then(console.log)'`,
    asks: "/cup",
  },
  {
    what: "Node's http",
    line: `"$NODE" -e 'require("http").get("http://tea.example/cup", (r) => r.pipe(process.stdout))'`,
    asks: "/cup",
  },
  {
    what: "git over http",
    line: "git ls-remote http://tea.example/cup.git",
    asks: "/cup.git/info/refs?service=git-upload-pack",
  },
  { what: "npm", line: "npm view --registry http://tea.example/ cup version", asks: "/cup" },
] as const;

if (choice.kind === "sandbox") {
  describe("[R50] in a workspace", () => {
    let web: EchoServer;
    beforeEach(async () => {
      web = await startWebServer();
      ends.push(() => web.close());
    });
    const asked = () => web.requests.map(({ url }) => url);

    test.for(PROGRAMS)(
      "$what uses the proxy, which lets it out by the project's policy alone",
      async ({ line, asks }) => {
        const { rig, outside } = await open(web.port, OPEN_EGRESS);
        await rig.run(line);
        expect(asked()).toContain(asks);
        expect(outside.connected).toContain(`${PUBLIC_ADDRESS}:80`);
        web.requests.length = 0;
        rig.network?.use(createUse({ mode: "allow-list", hosts: ["milk.example"] }, refused));
        await rig.run(line);
        expect(asked()).toEqual([]);
        expect(refused[0]).toEqual({ target: { host: "tea.example", port: 80 }, reason: "not-listed" });
      },
    );

    test("a program without the proxy's variables reaches nothing", async () => {
      const { rig, outside } = await open(web.port, OPEN_EGRESS);
      const output = await rig.run(`env -u http_proxy -u HTTP_PROXY curl -s -S -m 20 http://${PUBLIC_ADDRESS}/cup`);
      expect(output).toMatch(/Failed to connect|Couldn't connect|unreachable/i);
      expect(await rig.run("env -u http_proxy -u HTTP_PROXY curl -s -S -m 20 http://tea.example/cup")).toMatch(
        /Could not resolve host/,
      );
      expect([...asked(), ...outside.connected]).toEqual([]);
    });

    test("a program that is refused gets the reason in its answer", async () => {
      const { rig } = await open(web.port, { mode: "none", hosts: [] });
      expect(await rig.run("curl -s -w ' %{http_code}' http://tea.example/cup")).toBe(
        "Refused a connection to tea.example:80: the project's egress is closed.\n 403",
      );
    });

    test("loopback needs no proxy, with whatever variables and names programs use for it", async () => {
      const { rig } = await open(web.port, { mode: "none", hosts: [] });
      const serve = `"$NODE" -e 'require("http").createServer((q, r) => r.end("inside\\n")).listen(0, () => 0).on("listening", function () { console.log(this.address().port) })' >port & until [ -s port ]; do sleep 0.01; done`;
      const fetching = `"$NODE" -e 'fetch("http://localhost:" + process.argv[1]).then((r) => r.text()).then(console.log)' $(cat port)`;
      const output = await rig.run(
        `${serve}; curl -s http://127.0.0.1:$(cat port)/; curl -s http://localhost:$(cat port)/; ${fetching}`,
      );
      expect(output.split("\n").filter((line) => line !== "")).toEqual(["inside", "inside", "inside"]);
      expect(refused).toEqual([]);
    });

    test("git over ssh goes through the proxy, and says why where it is refused", async () => {
      const greeted: string[] = [];
      const sshd = await startRawServer((socket) => {
        socket.write("SSH-2.0-Tea\r\n");
        socket.once("data", (bytes: Buffer) => {
          greeted.push(bytes.toString());
          socket.end();
        });
      });
      ends.push(() => sshd.close());
      const { rig, outside } = await open(sshd.port, { mode: "none", hosts: [] });
      await rig.run("git ls-remote ssh://git@git.example:2222/cup.git");
      expect(outside.connected).toEqual([`${PUBLIC_ADDRESS}:2222`]);
      expect(greeted[0]).toMatch(/^SSH-2\.0-/);
      expect(await rig.run("git ls-remote git@tea.example:cup.git")).toContain(
        "Refused a connection to tea.example:22: the project's egress is closed.",
      );
      expect(outside.connected).toHaveLength(1);
    });

    test("[security 23] a service of the node is reached through the proxy by no name, and a hostile program crashes nothing", async () => {
      const { rig, outside } = await open(web.port, { mode: "open", hosts: ["localhost", "127.0.0.1", "[::1]"] });
      outside.names.set("localhost", [["127.0.0.1", "::1"]]);
      outside.names.set("rebind.example", [["127.0.0.1"]]);
      for (const host of ["127.0.0.1", "localhost", "rebind.example", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
        expect(
          await rig.run(`curl -s -g --noproxy '' -x $http_proxy -p -w '%{http_connect}' http://${host}:${web.port}/`),
        ).toContain("403");
      const noise = `head -c 100000 /dev/urandom | "$NODE" -e 'process.stdin.pipe(require("net").connect(Number(new URL(process.env.http_proxy).port)).on("error", () => {}))'`;
      await rig.run(noise);
      expect([...asked(), ...outside.connected]).toEqual([]);
      expect(await rig.run("curl -s http://tea.example/cup")).toContain("GET /cup tea.example");
    });
  });
}
