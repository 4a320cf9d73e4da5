/** Clones from and pushes to real servers: https with a password, and ssh. Secrets stay secret. */
import { err, ok } from "@samovar/base";
import { createServer } from "node:https";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CheckoutPaths } from "./checkout-paths.ts";
import type { CloneInput } from "./clone.ts";
import { cloneRepository } from "./clone.ts";
import type { FinishInput } from "./finish.ts";
import { finishCheckout } from "./finish.ts";
import type { RequestLogin } from "./login.ts";
import {
  createCloneInput,
  createFinishPorts,
  runGit,
  makeDirectory,
  makeRepository,
  createSignal,
  makePaths,
  writeFiles,
} from "./repositories.testing.ts";
import type { GitService } from "./servers.testing.ts";
import { GitHttpsServer, SshServer, startGitService } from "./servers.testing.ts";

vi.setConfig({ testTimeout: 60_000 });

let service: GitService;
let base: string;
let root: string;
let origin: string;
let server: GitHttpsServer;
let paths: CheckoutPaths;
let requests: number;

beforeAll(async () => {
  service = await startGitService();
  ({ base, server } = service);
});
afterAll(() => service.stop());

beforeEach(() => {
  root = makeDirectory();
  makeRepository(join(root, "seed"), { "README.md": "# Tea\n", "old.txt": "old\n" });
  runGit(join(root, "seed"), "rm", "--quiet", "old.txt");
  runGit(join(root, "seed"), "commit", "--quiet", "--message=Second");
  origin = join(base, "served", "tea.git");
  runGit(root, "clone", "--quiet", "--bare", join(root, "seed"), origin);
  runGit(origin, "config", "uploadpack.allowFilter", "true");
  paths = makePaths(join(root, "w"));
  requests = 0;
  server.open();
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(origin, { recursive: true, force: true });
});

const stored: RequestLogin = async () => {
  requests++;
  return ok(server.login());
};
const none: RequestLogin = async () => ok(null);

async function checkOut(requestLogin: RequestLogin, more: Partial<CloneInput> = {}, url = server.url("tea.git")) {
  const input = createCloneInput(url, more);
  const made = await cloneRepository(input, paths, { signal: createSignal(), requestLogin });
  if (!made.ok) throw new Error(`${made.error.code}: ${made.error.message}`);
  return { ...input, ...made.value, commit: true, push: true, commitMessage: "Milk" } satisfies FinishInput;
}
const finish = (input: FinishInput, requestLogin: RequestLogin) =>
  finishCheckout(input, paths, createFinishPorts({ requestLogin }));

/** The contents of every file below the directory. */
function readAllFiles(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, "latin1"))
    .join("\n");
}

function readCommandLines(): string {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    })
    .join("\n");
}

describe("https", () => {
  test("[R14] clones a public repository partially and without a login, and uses one for the push", async () => {
    server.rules.access = "public-read";
    const input = await checkOut(stored);
    expect(requests).toBe(0);
    expect(runGit(paths.repo, "config", "remote.origin.partialclonefilter")).toBe("blob:none");
    writeFiles(paths.repo, { "README.md": "# Tea\nmilk\n" });
    expect(await finish(input, stored)).toMatchObject({ branch: "task/a", pushed: true, pushError: null });
    expect(requests).toBe(1);
    expect(runGit(origin, "show", "task/a:README.md")).toBe("# Tea\nmilk");
  });

  test("[security 28] clones a private repository in full, with the login in no argument and no file", async () => {
    server.rules.access = "private";
    let seen = "";
    server.rules.before = () => void (seen += readCommandLines());
    const input = await checkOut(stored);
    expect(runGit(paths.repo, "show", "HEAD~1:old.txt")).toBe("old");
    writeFiles(paths.repo, { "b.txt": "b\n" });
    expect(await finish(input, stored)).toMatchObject({ branch: "task/a", pushed: true });
    expect(seen).toContain("remote-https");
    const { password, username } = server.login();
    const basic = Buffer.from(`${username}:${password}`).toString("base64");
    for (const secret of [password, basic]) {
      expect(seen).not.toContain(secret);
      expect(readAllFiles(join(root, "w"))).not.toContain(secret);
    }
    expect(server.passwords).toContain(password);
  });

  test("[security 28] sends the login to no other host after a redirect", async () => {
    server.rules.access = "private";
    const other = await new GitHttpsServer(join(base, "served"), join(root, "other")).start();
    other.rules.access = "private";
    const tls = { key: readFileSync(join(base, "tls/key.pem")), cert: readFileSync(join(base, "tls/cert.pem")) };
    const sends = createServer(tls, (request, response) =>
      response.writeHead(302, { location: `https://${other.host}${request.url ?? ""}` }).end(),
    );
    await new Promise<void>((resolve) => sends.listen(0, "127.0.0.1", resolve));
    const address = sends.address();
    const host = `127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
    vi.stubEnv("GIT_SSL_CAINFO", join(root, "both.pem"));
    writeFiles(root, { "both.pem": readFileSync(server.caFile, "utf8") + readFileSync(other.caFile, "utf8") });
    const made = await cloneRepository(createCloneInput(`https://${host}/tea.git`), paths, {
      signal: createSignal(),
      requestLogin: async () => ok({ ...server.login(), host }),
    });
    vi.stubEnv("GIT_SSL_CAINFO", server.caFile);
    sends.close();
    other.stop();
    expect(made).toMatchObject({ ok: false, error: { code: "auth_failed" } });
    expect(other.passwords).toEqual([]);
  });

  test.each([
    ["nothing is stored", none, "No credential is stored for 127.0.0.1"],
    [
      "the stored one is refused",
      async () => ok({ ...server.login(), password: "wrong" }),
      "The stored credential for 127.0.0.1",
    ],
    [
      "it cannot be requested",
      async () => err({ code: "unavailable", message: "no answer" }),
      "could not be requested: no answer",
    ],
  ] satisfies [string, RequestLogin, string][])(
    "says what to do after a refusal when %s",
    async (_case, requestLogin, words) => {
      server.rules.access = "private";
      const ports = { signal: createSignal(), requestLogin };
      const made = await cloneRepository(createCloneInput(server.url("tea.git")), paths, ports);
      expect(made).toMatchObject({
        ok: false,
        error: { code: "auth_failed", message: expect.stringContaining(words) },
      });

      server.rules.access = "public-read";
      const input = await checkOut(requestLogin);
      writeFiles(paths.repo, { "b.txt": "b\n" });
      const outputs = await finish(input, requestLogin);
      expect(outputs).toMatchObject({ pushed: false, commits: [{ subject: "Milk" }] });
      expect(outputs.pushError).toContain(words);
      expect(outputs.pushError).not.toContain("wrong");
    },
  );

  test("reports an unreachable host, and requests no login", async () => {
    const made = await cloneRepository(createCloneInput("https://127.0.0.1:9/tea.git"), paths, {
      signal: createSignal(),
      requestLogin: stored,
    });
    expect(made).toMatchObject({ ok: false, error: { code: "remote_unreachable" } });
    expect(requests).toBe(0);
  });
});

describe("ssh", () => {
  let sshd: SshServer;
  beforeAll(async () => {
    sshd = await new SshServer(join(base, "ssh")).start();
    vi.stubEnv("GIT_SSH_COMMAND", sshd.command);
  });
  afterAll(() => sshd.stop());

  test.each([
    ["that serves partial clones", true],
    ["that advertises partial clones but does not serve them", false],
  ])("[R14] clones from a server %s, and pushes", async (_case, sends) => {
    runGit(origin, "config", "uploadpack.allowAnySHA1InWant", String(sends));
    const input = await checkOut(stored, {}, sshd.url(origin));
    expect(runGit(paths.repo, "config", "--get", "--default=", "remote.origin.partialclonefilter")).toBe(
      sends ? "blob:none" : "",
    );
    writeFiles(paths.repo, { "README.md": "# Tea\nmilk\n" });
    expect(await finish(input, stored)).toMatchObject({ branch: "task/a", pushed: true });
    expect(requests).toBe(0);
    expect(runGit(origin, "show", "task/a:README.md")).toBe("# Tea\nmilk");
  });

  test("says what to do about an unknown key", async () => {
    vi.stubEnv(
      "GIT_SSH_COMMAND",
      `${sshd.command} -i /dev/null -o IdentityFile=/dev/null -F none -o UserKnownHostsFile=${join(root, "known")} -o StrictHostKeyChecking=no -o BatchMode=yes`,
    );
    const made = await cloneRepository(createCloneInput(sshd.url(origin)), paths, {
      signal: createSignal(),
      requestLogin: stored,
    });
    vi.stubEnv("GIT_SSH_COMMAND", sshd.command);
    expect(made).toMatchObject({
      ok: false,
      error: { code: "auth_failed", message: expect.stringContaining("an SSH key that may read and push") },
    });
    expect(requests).toBe(0);
  });
});
