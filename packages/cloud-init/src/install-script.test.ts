import { execFile } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { sha256 } from "@samovar/base/sha256";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { INSTALL_SCRIPT } from "./install-script.ts";

const run = promisify(execFile);
const agent = "console.log('the agent');\n";
let root = "";
let script = "";
let server: Server;
let url = "";
let requests: string[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "samovar root "));
  script = join(root, "install.sh");
  writeFileSync(script, INSTALL_SCRIPT);
  requests = [];
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    if (request.url === "/agent.cjs") response.end(agent);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  url = `http://127.0.0.1:${address.port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true, force: true });
});

/** The script as cloud-init runs it: `/bin/sh`, no HOME, cwd `/`; only the PATH is chosen. */
const install = (path: string, hash = sha256(agent), source = `${url}/agent.cjs`) =>
  run("/bin/sh", [script, source, hash], { cwd: "/", env: { SAMOVAR_ROOT: root, PATH: path } });
const hostPath = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
const installed = (name: string) => join(root, "opt/samovar", name);

describe("install.sh", () => {
  test("installs the agent, and links a Node that can run it", async () => {
    await install(hostPath);
    expect(readFileSync(installed("vm-agent.cjs"), "utf8")).toBe(agent);
    const { stdout } = await run(installed("bin/node"), [installed("vm-agent.cjs")], { env: {} });
    expect(stdout).toBe("the agent\n");
    expect(readdirSync(installed("")).toSorted()).toEqual(["bin", "vm-agent.cjs"]);
  });

  test("run again, it downloads nothing", async () => {
    await install(hostPath);
    await install(hostPath);
    expect(requests).toEqual(["/agent.cjs"]);
  });

  test("[check 35] a file with another hash leaves nothing in place", async () => {
    await expect(install(hostPath, sha256("another"))).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`has SHA-256 ${sha256(agent)}`),
    });
    expect(readdirSync(installed(""))).toEqual(["bin"]);
  });

  test("[check 35] a wrong new version leaves the old one in place", async () => {
    await install(hostPath);
    await expect(install(hostPath, sha256("newer"))).rejects.toMatchObject({ code: 1 });
    expect(readFileSync(installed("vm-agent.cjs"), "utf8")).toBe(agent);
    expect(existsSync(installed("vm-agent.cjs.partial"))).toBe(false);
  });

  test("says what could not be downloaded", async () => {
    await expect(install(hostPath, sha256(agent), `${url}/none`)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`could not download ${url}/none`),
    });
    expect(existsSync(installed("vm-agent.cjs"))).toBe(false);
  });

  test("does without curl", async () => {
    await install(toolsOnly("sha256sum", "node"));
    expect(readFileSync(installed("vm-agent.cjs"), "utf8")).toBe(agent);
  });

  test("prefers the Node that it has installed before", async () => {
    mkdirSync(installed("node/bin"), { recursive: true });
    symlinkSync(process.execPath, installed("node/bin/node"));
    await install(hostPath);
    expect(realpathSync(dirname(installed("bin/node")))).toBe(realpathSync(installed("bin")));
    expect((await run("readlink", [installed("bin/node")])).stdout.trim()).toBe(installed("node/bin/node"));
  });

  test("[check 35] brings its own Node where there is only an old one, and checks it before unpacking", async () => {
    const path = toolsOnly("sha256sum", "uname", "tar");
    writeFileSync(join(path, "node"), "#!/bin/sh\necho 20\n", { mode: 0o755 });
    writeFileSync(
      join(path, "curl"),
      `#!/bin/sh\necho "$@" >>'${root}/asked'\nwhile [ "$1" != --output ]; do shift; done\necho tampered >"$2"\n`,
    );
    chmodSync(join(path, "curl"), 0o755);
    await expect(install(path)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/node-v24\.\d+\.\d+-linux-.* has SHA-256 .*, expected [0-9a-f]{64}/),
    });
    expect(readFileSync(join(root, "asked"), "utf8")).toMatch(/https:\/\/nodejs\.org\/dist\/v24\./);
    expect(readdirSync(installed(""))).toEqual(["bin"]);
    expect(readdirSync(installed("bin"))).toEqual([]);
  });

  test("[lesson 44] is plain POSIX shell", async () => {
    await expect(run("dash", ["-n", script])).resolves.toBeDefined();
  });
});

/** A directory with these tools and the few that any system has. */
function toolsOnly(...tools: string[]): string {
  const directory = join(root, "tools");
  mkdirSync(directory);
  for (const tool of [...tools, "mkdir", "cut", "ln", "mv", "rm", "chmod", "dirname"]) {
    if (tool === "node") symlinkSync(process.execPath, join(directory, tool));
    else symlinkSync(existsSync(`/usr/bin/${tool}`) ? `/usr/bin/${tool}` : `/bin/${tool}`, join(directory, tool));
  }
  return directory;
}
