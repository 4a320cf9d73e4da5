/** Clones from and pushes to real servers: https that asks for a password, and ssh. What is secret stays so. */
import { err, ok } from "@samovar/base";
import { createServer } from "node:https";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CheckoutPlaces, CloneInput } from "./clone.ts";
import { cloneRepository } from "./clone.ts";
import type { FinishInput } from "./finish.ts";
import { finishCheckout } from "./finish.ts";
import type { AskLogin } from "./login.ts";
import {
  cloneOf,
  gitBy,
  makeDirectory,
  makeRepository,
  neverAborted,
  placesIn,
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
let places: CheckoutPlaces;
let asked: number;

beforeAll(async () => {
  service = await startGitService();
  ({ base, server } = service);
});
afterAll(() => service.stop());

beforeEach(() => {
  root = makeDirectory();
  makeRepository(join(root, "seed"), { "README.md": "# Tea\n", "old.txt": "old\n" });
  gitBy(join(root, "seed"), "rm", "--quiet", "old.txt");
  gitBy(join(root, "seed"), "commit", "--quiet", "--message=Second");
  origin = join(base, "served", "tea.git");
  gitBy(root, "clone", "--quiet", "--bare", join(root, "seed"), origin);
  gitBy(origin, "config", "uploadpack.allowFilter", "true");
  places = placesIn(join(root, "w"));
  asked = 0;
  server.open();
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(origin, { recursive: true, force: true });
});

const stored: AskLogin = async () => {
  asked++;
  return ok(server.login());
};
const none: AskLogin = async () => ok(null);

async function checkOut(askLogin: AskLogin, more: Partial<CloneInput> = {}, url = server.url("tea.git")) {
  const input = cloneOf(url, more);
  const made = await cloneRepository(input, places, { signal: neverAborted(), askLogin });
  if (!made.ok) throw new Error(`${made.error.code}: ${made.error.message}`);
  return { ...input, ...made.value, commit: true, push: true, commitMessage: "Milk" } satisfies FinishInput;
}
const finish = (input: FinishInput, askLogin: AskLogin) =>
  finishCheckout(input, places, { signal: neverAborted(), askLogin, timeoutMs: 60_000 });

/** Every file below, as one text. */
function everythingIn(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, "latin1"))
    .join("\n");
}

function commandLines(): string {
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
  test("[R14] what anybody may read comes without its history's contents, is asked no login for, and the push has one", async () => {
    server.rules.closed = "pushers";
    const input = await checkOut(stored);
    expect(asked).toBe(0);
    expect(gitBy(places.repo, "config", "remote.origin.partialclonefilter")).toBe("blob:none");
    writeFiles(places.repo, { "README.md": "# Tea\nmilk\n" });
    expect(await finish(input, stored)).toMatchObject({ branch: "task/a", pushed: true, pushError: null });
    expect(asked).toBe(1);
    expect(gitBy(origin, "show", "task/a:README.md")).toBe("# Tea\nmilk");
  });

  test("[security 28] a closed repository: the login is in no argument and no file, and the agent needs none afterwards", async () => {
    server.rules.closed = "everybody";
    let seen = "";
    server.rules.before = () => void (seen += commandLines());
    const input = await checkOut(stored);
    expect(gitBy(places.repo, "show", "HEAD~1:old.txt")).toBe("old");
    writeFiles(places.repo, { "b.txt": "b\n" });
    expect(await finish(input, stored)).toMatchObject({ branch: "task/a", pushed: true });
    expect(seen).toContain("remote-https");
    const { password, username } = server.login();
    const basic = Buffer.from(`${username}:${password}`).toString("base64");
    for (const secret of [password, basic]) {
      expect(seen).not.toContain(secret);
      expect(everythingIn(join(root, "w"))).not.toContain(secret);
    }
    expect(server.passwords).toContain(password);
  });

  test("[security 28] a login is for its host alone: who sends us elsewhere gets none", async () => {
    server.rules.closed = "everybody";
    const other = await new GitHttpsServer(join(base, "served"), join(root, "other")).start();
    other.rules.closed = "everybody";
    const tls = { key: readFileSync(join(base, "tls/key.pem")), cert: readFileSync(join(base, "tls/cert.pem")) };
    const sends = createServer(tls, (request, response) =>
      response.writeHead(302, { location: `https://${other.host}${request.url ?? ""}` }).end(),
    );
    await new Promise<void>((resolve) => sends.listen(0, "127.0.0.1", resolve));
    const address = sends.address();
    const host = `127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
    vi.stubEnv("GIT_SSL_CAINFO", join(root, "both.pem"));
    writeFiles(root, { "both.pem": readFileSync(server.caFile, "utf8") + readFileSync(other.caFile, "utf8") });
    const made = await cloneRepository(cloneOf(`https://${host}/tea.git`), places, {
      signal: neverAborted(),
      askLogin: async () => ok({ ...server.login(), host }),
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
      "it cannot be asked for",
      async () => err({ code: "unavailable", message: "nobody answers" }),
      "could not be asked for: nobody answers",
    ],
  ] satisfies [string, AskLogin, string][])("a refusal says what to do: %s", async (_case, askLogin, words) => {
    server.rules.closed = "everybody";
    const ports = { signal: neverAborted(), askLogin };
    const made = await cloneRepository(cloneOf(server.url("tea.git")), places, ports);
    expect(made).toMatchObject({ ok: false, error: { code: "auth_failed", message: expect.stringContaining(words) } });

    server.rules.closed = "pushers";
    const input = await checkOut(askLogin);
    writeFiles(places.repo, { "b.txt": "b\n" });
    const outputs = await finish(input, askLogin);
    expect(outputs).toMatchObject({ pushed: false, commits: [{ subject: "Milk" }] });
    expect(outputs.pushError).toContain(words);
    expect(outputs.pushError).not.toContain("wrong");
  });

  test("a host that is not there is told as such, and no login is asked for", async () => {
    const made = await cloneRepository(cloneOf("https://127.0.0.1:9/tea.git"), places, {
      signal: neverAborted(),
      askLogin: stored,
    });
    expect(made).toMatchObject({ ok: false, error: { code: "remote_unreachable" } });
    expect(asked).toBe(0);
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
    ["that sends contents later", true],
    ["that offers to and does not", false],
  ])("[R14] clones from a server %s, and pushes", async (_case, sends) => {
    gitBy(origin, "config", "uploadpack.allowAnySHA1InWant", String(sends));
    const input = await checkOut(stored, {}, sshd.url(origin));
    expect(gitBy(places.repo, "config", "--get", "--default=", "remote.origin.partialclonefilter")).toBe(
      sends ? "blob:none" : "",
    );
    writeFiles(places.repo, { "README.md": "# Tea\nmilk\n" });
    expect(await finish(input, stored)).toMatchObject({ branch: "task/a", pushed: true });
    expect(asked).toBe(0);
    expect(gitBy(origin, "show", "task/a:README.md")).toBe("# Tea\nmilk");
  });

  test("a key that is not known is told with what to do", async () => {
    vi.stubEnv(
      "GIT_SSH_COMMAND",
      `${sshd.command} -i /dev/null -o IdentityFile=/dev/null -F none -o UserKnownHostsFile=${join(root, "known")} -o StrictHostKeyChecking=no -o BatchMode=yes`,
    );
    const made = await cloneRepository(cloneOf(sshd.url(origin)), places, { signal: neverAborted(), askLogin: stored });
    vi.stubEnv("GIT_SSH_COMMAND", sshd.command);
    expect(made).toMatchObject({
      ok: false,
      error: { code: "auth_failed", message: expect.stringContaining("a key that may read and push") },
    });
    expect(asked).toBe(0);
  });
});
