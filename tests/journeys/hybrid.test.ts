/**
 * The control plane on one server behind Caddy with TLS, its nodes at a provider that is another program: the node fetches the
 * vm-agent over https and dials wss, and what a proxy must close is closed.
 */
import { createServer } from "node:net";
import { join } from "node:path";
import { reportOmission } from "@samovar/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Caddy, startCaddy } from "../harness/caddy.ts";
import {
  type Installation,
  parseTask,
  removeDirectory,
  samovar,
  startInstallation,
  temporaryDirectory,
} from "../harness/installation.ts";
import { git, makeRepository } from "../harness/repository.ts";
import { say, script, write } from "../harness/scripts.ts";
import { type SeparateCloud, startSeparateCloud } from "../harness/separate-cloud.ts";

const directory = await temporaryDirectory();
const [port, publicPort] = await findFreePorts();
const publicUrl = `https://localhost:${publicPort}`;
const caddy = await startCaddy(publicUrl, `127.0.0.1:${port}`, join(directory, "caddy"));

if (caddy === null) {
  test("without Caddy, this journey is named at the end of the run", () => {
    reportOmission({ what: "the journey behind a proxy", tests: 7, reason: "caddy is not installed" });
  });
} else {
  behindCaddy(caddy);
}

function behindCaddy(proxy: Caddy): void {
  let cloud: SeparateCloud;
  let here: Installation;
  const trust = { NODE_EXTRA_CA_CERTS: proxy.authority, SSL_CERT_FILE: proxy.authority };
  const repository = makeRepository(join(directory, "repository"));
  const start = () =>
    startInstallation({
      dataDir: join(directory, "data"),
      port,
      args: ["--public-url", publicUrl, "--cloud", "hetzner"],
      env: {
        HETZNER_API_URL: cloud.url,
        // The provider's servers are on this computer, so a path there is one here.
        ALLOW_LOCAL_REPOS: "true",
        TRUSTED_PROXIES: "1",
        WRONG_SECRETS_PER_MINUTE: "3",
        NODE_EXTRA_CA_CERTS: proxy.authority,
      },
    });
  const run = async (name: string) => {
    const text = script(`Write ${name}`, say("Begun."), write(`${name}.txt`, name));
    return parseTask(await here.samovar(["run", "--json", "--agent", "script", "--repo", repository, text]));
  };

  beforeAll(async () => {
    cloud = await startSeparateCloud(join(directory, "cloud"), { ...trust, WORKSPACE_RUNTIME: "process" });
    here = await start();
  });

  afterAll(async () => {
    await here.stop();
    await cloud.stop();
    await proxy.stop();
    await removeDirectory(directory);
  });

  test("[R53] a task runs on a node at the provider, which reaches the control plane at the public address", async () => {
    expect(here.pageUrl).toBe(publicUrl);
    const stored = await here.samovar(["credentials", "set", "hetzner"], { input: cloud.token });
    expect(stored.stderr).toBe("");
    const task = await run("one");
    expect(task.failure).toBeNull();
    expect(task.output?.transcript).toMatchObject({ agreed: true });
    expect(git(repository, "show", `${task.branch}:one.txt`)).toBe("one");
    const servers = await cloud.listServers();
    expect(servers).toHaveLength(1);
    const userData = await cloud.readUserData(servers[0]?.id ?? 0);
    expect(userData).toContain(publicUrl);
    expect(userData).not.toContain(String(port));
  });

  test("[R53] after a restart the provider's credential is still the owner's, and the node goes on", async () => {
    const before = await here.samovar(["credentials", "--json"]);
    expect(await here.stop()).toBe(0);
    here = await start();
    const { stdout } = await here.samovar(["credentials", "--json"]);
    const age = (text: string) =>
      (JSON.parse(text) as { kind: string; createdAt: number }[]).map((one) => [one.kind, one.createdAt]);
    expect(age(stdout)).toEqual(age(before.stdout));
    const [server] = await cloud.listServers();
    // From now on session hosts start from the snapshot, with TLS code that is not in it.
    await vi.waitFor(async () => expect(await cloud.readLog(server?.id ?? 0)).toContain("snapshot.made"));
    const task = await run("two");
    expect(task.failure).toBeNull();
    expect(task.output?.transcript).toMatchObject({ agreed: true });
    expect(await cloud.listServers()).toHaveLength(1);
  });

  test("[security 8] a browser signs in through the proxy, with a cookie that only TLS carries, and follows a project", async () => {
    const link = JSON.parse((await here.samovar(["login", "--json"])).stdout) as { url: string };
    expect(link.url).toMatch(new RegExp(`^${publicUrl}/sign-in#`));
    const page = await proxy.call("/sign-in");
    expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
    const token = new URL(link.url).hash.slice(1);
    const redeem = (origin: string) =>
      proxy.call("/api/identity/redeem", { method: "POST", body: { token }, headers: { origin } });
    expect((await redeem("https://localhost")).status, "another origin").toBe(403);
    const signedIn = await redeem(publicUrl);
    expect(signedIn.status).toBe(200);
    expect(signedIn.headers["strict-transport-security"]).toMatch(/^max-age=/);
    const [set = ""] = signedIn.headers["set-cookie"] ?? [];
    expect(set).toMatch(/^__Host-samovar_session=.*; HttpOnly; Secure/);
    const cookie = set.split(";", 1)[0] ?? "";
    const { items } = await here.api<{ items: { id: string }[] }>("/api/projects");
    const socket = await proxy.call(`/api/projects/${items[0]?.id}/ws`, {
      headers: {
        cookie,
        origin: publicUrl,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "c2Ftb3ZhciB0ZXN0IGtleSE=",
      },
    });
    expect(socket.status).toBe(101);
  });

  test("[security 41] MF-* headers and /cdn-cgi/ change nothing through the proxy, and are refused by the port itself", async () => {
    expect((await proxy.call("/api/nothing")).status).toBe(401);
    const made = {
      "MF-Original-URL": `${publicUrl}/api/health`,
      "MF-Route-Override": "core",
      "MF-Disable-Pretty-Error": "1",
      "MF-CF-Blob": '{"clientTcpRtt":1}',
    };
    for (const [name, value] of Object.entries(made)) {
      const through = await proxy.call("/api/nothing", { headers: { [name]: value } });
      expect(through.status, name).toBe(401);
      expect((await proxy.call("/api/health", { headers: { [name]: value } })).status, name).toBe(200);
      if (name === "MF-CF-Blob") continue;
      const direct = await fetch(`${here.url}/api/health`, { headers: { [name]: value } });
      expect(direct.status, name).toBe(400);
    }
    // workerd itself reads this one, and answers what is not JSON; the proxy removes it.
    expect((await proxy.call("/api/health", { headers: { "MF-CF-Blob": "x" } })).status).toBe(200);
    for (const path of ["/cdn-cgi/handler/scheduled", "/cdn-cgi/mf/scheduled", "/CDN-CGI/", "/x/../cdn-cgi/"]) {
      expect((await proxy.call(path)).status, path).toBe(404);
      expect((await fetch(here.url + path)).status, path).toBe(404);
    }
    const tunnel = await proxy
      .call("/", { method: "CONNECT", headers: { host: "miniflare-unsafe-internal-capnp-connect" } })
      .catch(() => null);
    expect(tunnel?.status, "workerd's own protocol is not reached through the proxy").not.toBe(200);
  });

  test("[security 15] the address that Caddy saw counts, not the one that a caller writes", async () => {
    const wrong = (from: string) =>
      proxy.call("/api/me", { headers: { authorization: "Bearer wrong", "x-forwarded-for": from } });
    const statuses: number[] = [];
    for (const last of [1, 2, 3, 4]) statuses.push((await wrong(`203.0.113.${last}`)).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
  });

  test("[R53] `samovar doctor --public` finds everything in order, and says what is wrong with an address that is not", async () => {
    const found = await here.samovar(["doctor", "--public", "--json"]);
    const { ok, findings } = JSON.parse(found.stdout) as { ok: boolean; findings: { what: string; state: string }[] };
    expect({ ok, code: found.code }, found.stdout).toEqual({ ok: true, code: 0 });
    const states = Object.fromEntries(findings.map(({ what, state }) => [what, state]));
    // The name leads to this computer only.
    expect(states).toEqual({
      Name: "warning",
      TLS: "ok",
      Proxy: "ok",
      Clock: "ok",
      "Closed parts": "ok",
      WebSocket: "ok",
    });
    const unknown = await here.samovar(["doctor", "--public", "https://samovar.invalid"]);
    expect(unknown.code).toBe(1);
    expect(unknown.stdout).toMatch(/✗ Name .*samovar\.invalid is not found[^]*Add an A or AAAA record/);
    const closed = await here.samovar(["doctor", "--public", `https://localhost:${port}`]);
    expect(closed.stdout).toMatch(/✗ TLS .*no connection/);
  });

  test("[N1] [R53] a restored copy leaves the original's servers alone, whatever its sweep finds; one that takes over deletes them", async () => {
    const file = join(directory, "backup.tar.gz");
    expect((await here.samovar(["backup", file])).code).toBe(0);
    const [server] = await cloud.listServers();
    // Everything that could make a sweep delete a server happens at once.
    const eager = { SWEEP_CRON: "* * * * * *", SWEEP_GRACE_MS: "1", NODE_WARM_TIMEOUT_MS: "1" };
    const restoreAs = async (name: string, ...options: string[]) => {
      const dataDir = join(directory, name);
      const restored = await samovar(["restore", file, ...options, "--data-dir", dataDir]);
      expect(restored.code, restored.stderr).toBe(0);
      const args = ["--public-url", "https://copy.localhost", "--cloud", "hetzner"];
      return startInstallation({ dataDir, port: 0, args, env: { HETZNER_API_URL: cloud.url, ...eager } });
    };
    const countDestroyed = async (there: Installation) =>
      (await there.api<{ items: unknown[] }>("/api/nodes?state=destroyed")).items.length;

    const copy = await restoreAs("copy");
    await vi.waitFor(async () => expect(await countDestroyed(copy)).toBe(1), { interval: 200 });
    expect((await cloud.listServers()).map(({ id }) => id)).toEqual([server?.id]);
    await copy.stop();
    const task = await run("three");
    expect(task.failure).toBeNull();
    expect(
      (await cloud.listServers()).map(({ id }) => id),
      "the original's node goes on",
    ).toEqual([server?.id]);

    await here.stop();
    const heir = await restoreAs("heir", "--take-over");
    await vi.waitFor(async () => expect(await cloud.listServers()).toEqual([]), { interval: 200 });
    await heir.stop();
    here = await start();
  });
}

/** Two of them, at the same time, so that they differ. */
async function findFreePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address();
            resolve(typeof address === "object" && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [ports[0] ?? 0, ports[1] ?? 0];
}
