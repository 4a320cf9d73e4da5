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
/** What becomes of the next requests: an HTTP status, or a lost connection. */
const refusals: (number | "cut")[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "samovar root "));
  script = join(root, "install.sh");
  writeFileSync(script, INSTALL_SCRIPT);
  requests = [];
  refusals.length = 0;
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    const refusal = refusals.shift();
    if (refusal === "cut") request.socket.destroy();
    else if (refusal !== undefined) response.writeHead(refusal).end();
    else if (request.url === "/agent.cjs") response.end(agent);
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
const step = (path: string, ...args: string[]) =>
  run("/bin/sh", [script, ...args], { cwd: "/", env: { SAMOVAR_ROOT: root, PATH: path } });
const install = (path: string, hash = sha256(agent), source = `${url}/agent.cjs`) => step(path, "agent", source, hash);
const hostPath = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
const installed = (name: string) => join(root, "opt/samovar", name);

describe("install.sh agent", () => {
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
    const path = `${fakes({ sleep: "" })}:${hostPath}`;
    await expect(install(path, sha256(agent), `${url}/none`)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`could not download ${url}/none`),
    });
    expect(existsSync(installed("vm-agent.cjs"))).toBe(false);
  });

  test.each(["curl", "node"])("[F29] tries again when a download by %s fails for any reason", async (tool) => {
    refusals.push(404, 502, "cut");
    const path = tool === "curl" ? `${fakes({ sleep: "" })}:${hostPath}` : toolsOnly("sha256sum", "node", "true");
    if (tool === "node") writeFileSync(join(path, "sleep"), "#!/bin/sh\n", { mode: 0o755 });
    await install(path);
    expect(readFileSync(installed("vm-agent.cjs"), "utf8")).toBe(agent);
    expect(requests).toHaveLength(4);
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

  test("installs curl and certificates before it downloads Node, where an image has none", async () => {
    const path = toolsOnly("sha256sum", "uname", "tar");
    writeFileSync(join(path, "node"), "#!/bin/sh\necho 20\n", { mode: 0o755 });
    writeFileSync(join(path, "sleep"), "#!/bin/sh\n", { mode: 0o755 });
    // The first attempt fails; the second one brings a curl, which downloads something wrong.
    const apt = `echo "$@" >>'${root}/asked'; [ -e '${root}/again' ] || { : >'${root}/again'; exit 100; }
case "$*" in *install*)
  printf '#!/bin/sh\\nwhile [ "$1" != --output ]; do shift; done\\necho tampered >"$2"\\n' >'${path}/curl'
  chmod 755 '${path}/curl' ;;
esac`;
    writeFileSync(join(path, "apt-get"), `#!/bin/sh\n${apt}\n`, { mode: 0o755 });
    await expect(install(path)).rejects.toMatchObject({ stderr: expect.stringContaining("has SHA-256") });
    const asked = readFileSync(join(root, "asked"), "utf8").trimEnd().split("\n");
    expect(asked.map((line) => line.split(" ").at(-1))).toEqual([
      "update",
      "update",
      expect.stringMatching(/curl|ca-cert/),
    ]);
    expect(asked[2]).toMatch(/--no-install-recommends .* install curl/);
  });

  test("[lesson 44] is plain POSIX shell", async () => {
    await expect(run("dash", ["-n", script])).resolves.toBeDefined();
  });
});

describe("install.sh tools", () => {
  const waiting = () => join(root, "etc/samovar/preparing");
  const installedPackages = (...names: string[]) =>
    `case " ${names.join(" ")} " in *" $4 "*) echo installed ;; *) exit 1 ;; esac`;
  beforeEach(() => {
    mkdirSync(dirname(waiting()), { recursive: true });
    writeFileSync(waiting(), "installing bubblewrap git\n");
  });

  test("installs what is missing, and ends the node's wait", async () => {
    const path = fakes({ "dpkg-query": installedPackages("git"), "apt-get": `echo "$@" >>'${root}/asked'` });
    await step(`${path}:${hostPath}`, "tools", "bubblewrap", "git", "git-lfs");
    expect(readFileSync(join(root, "asked"), "utf8")).toMatch(/ update\n.* install bubblewrap git-lfs\n$/);
    expect(existsSync(waiting())).toBe(false);
  });

  test("asks for nothing where everything is installed, as on a prepared image", async () => {
    const path = fakes({ "dpkg-query": installedPackages("bubblewrap", "git"), "apt-get": `: >'${root}/asked'` });
    await step(`${path}:${hostPath}`, "tools", "bubblewrap", "git");
    expect(existsSync(join(root, "asked"))).toBe(false);
    expect(existsSync(waiting())).toBe(false);
  });

  test("[F29] goes on trying while the mirror is away, and says why the node waits", async () => {
    const path = fakes({
      "dpkg-query": "exit 1",
      "apt-get": `echo 'E: Unable to fetch; try later'; [ -e '${root}/back' ]`,
      sleep: `cat '${waiting()}' >>'${root}/said'; [ "$(wc -l <'${root}/said')" -lt 2 ] || : >'${root}/back'`,
    });
    await step(`${path}:${hostPath}`, "tools", "git");
    const [first, second] = readFileSync(join(root, "said"), "utf8").split("\n");
    expect(first).toBe("installing git");
    expect(second).toBe("installing git (the last attempt failed: E: Unable to fetch; try later)");
    expect(existsSync(waiting())).toBe(false);
  });
});

test("install.sh system quiets upgrades and renews root's expired password, and fails for nothing", async () => {
  const path = fakes({
    systemctl: `echo systemctl "$@" >>'${root}/asked'; exit 5`,
    chage: `echo chage "$@" >>'${root}/asked'`,
  });
  await step(`${path}:${hostPath}`, "system");
  const asked = readFileSync(join(root, "asked"), "utf8");
  expect(asked).toMatch(/^systemctl mask --now .*apt-daily\.timer.* unattended-upgrades\.service$/m);
  expect(asked).toMatch(/^chage --root .* --lastday \d{4}-\d\d-\d\d --maxdays -1 root$/m);
});

test("install.sh clean removes what servers made from one image must not share, and nothing else", async () => {
  const files = [
    "etc/ssh/ssh_host_ed25519_key",
    "etc/ssh/sshd_config",
    "etc/machine-id",
    "var/lib/apt/lists/some",
    "opt/samovar/node/bin/node",
  ];
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "x");
  }
  await step(`${fakes({ "apt-get": "" })}:${hostPath}`, "clean");
  const left = files.filter((file) => existsSync(join(root, file)) && readFileSync(join(root, file), "utf8") !== "");
  expect(left).toEqual(["etc/ssh/sshd_config", "opt/samovar/node/bin/node"]);
  expect(existsSync(join(root, "etc/machine-id")), "empty, so that systemd makes a new one").toBe(true);
});

/** A directory with these shell scripts as programs. */
function fakes(scripts: Readonly<Record<string, string>>): string {
  const directory = join(root, "fakes");
  mkdirSync(directory);
  for (const [name, text] of Object.entries(scripts))
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return directory;
}

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
