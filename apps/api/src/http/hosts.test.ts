import { errorBody, signInLink } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { controlPlane } from "../../test/caller.ts";

const PROGRAMS = "http://127.0.0.1:7266";
const BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8";
const PAGES = "http://samovar-4f2a.localhost:7266";
const { setUp } = controlPlane();
const onOneComputer = controlPlane(undefined, { PUBLIC_URL: PROGRAMS, PAGE_URL: PAGES });

async function signIn(): Promise<string> {
  const { ask } = onOneComputer;
  const { apiToken } = await setUp();
  const made = await ask(`${PROGRAMS}/api/identity/links`, { body: {}, token: apiToken });
  const { url } = signInLink.parse(await made.json());
  expect(url).toMatch(/^http:\/\/samovar-4f2a\.localhost:7266\/sign-in#/);
  const redeemed = await ask(`${PAGES}/api/identity/redeem`, {
    body: { token: new URL(url).hash.slice(1) },
    headers: { origin: PAGES },
  });
  expect(redeemed.status).toBe(200);
  return redeemed.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
}

describe("on one computer", () => {
  it("[S1] the sign-in cookie counts at the pages' address alone: a server on another port that received it cannot use it", async () => {
    const cookie = await signIn();
    const atPages = await onOneComputer.ask(`${PAGES}/api/me`, { headers: { cookie } });
    expect(atPages.status).toBe(200);
    for (const address of [PROGRAMS, "http://localhost:7266", "http://samovar-0000.localhost:7266"]) {
      const elsewhere = await onOneComputer.ask(`${address}/api/me`, { headers: { cookie, origin: PAGES } });
      expect(elsewhere.status, address).toBe(401);
    }
  });

  it.each(["http://samovar-4f2a.localhost:3000", "http://samovar-0000.localhost:7266", PROGRAMS, "null"])(
    "[S1] a change from a page of %s is refused",
    async (origin) => {
      const cookie = await signIn();
      const change = await onOneComputer.ask(`${PAGES}/api/projects`, {
        body: { name: "Tea", repoUrl: "/tmp/tea" },
        headers: { cookie, origin },
      });
      expect(change.status).toBe(403);
    },
  );

  it("the pages are served at their own address, which the other addresses do not reveal", async () => {
    const here = await onOneComputer.ask(`${PROGRAMS}/sign-in`);
    expect(here.status).toBe(404);
    expect(`${await here.text()}${JSON.stringify([...here.headers])}`).not.toContain("samovar-4f2a");
  });

  it("[S1] a browser that opens another address gets a page that names `samovar login` and not the pages' address", async () => {
    for (const address of [PROGRAMS, "http://localhost:7266", "http://samovar-0000.localhost:7266"]) {
      const answer = await onOneComputer.ask(`${address}/projects`, { headers: { accept: BROWSER } });
      expect(answer.status).toBe(404);
      expect(answer.headers.get("content-type")).toMatch(/^text\/html/);
      expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(answer.headers.get("cache-control")).toBe("no-store");
      const text = await answer.text();
      expect(text).toContain("samovar login");
      expect(`${text}${JSON.stringify([...answer.headers])}`).not.toContain("samovar-4f2a");
    }
  });

  it("errors of the API are JSON, for a browser too", async () => {
    for (const path of ["/api/me", "/api/nowhere"]) {
      const answer = await onOneComputer.ask(`${PROGRAMS}${path}`, { headers: { accept: BROWSER } });
      expect(answer.headers.get("content-type"), path).toMatch(/^application\/json/);
      expect(errorBody.parse(await answer.json()).error.code, path).toBe("unauthenticated");
    }
    const program = await onOneComputer.ask(`${PROGRAMS}/projects`);
    expect(errorBody.parse(await program.json()).error).toMatchObject({ code: "not_found" });
  });

  it("nodes download the vm-agent where programs reach it", async () => {
    const answer = await onOneComputer.ask(`${PROGRAMS}/agent/vm-agent.cjs`);
    expect(await answer.text()).toContain("vm-agent");
  });

  it("programs call it by any loopback name", async () => {
    const { apiToken: token } = await setUp();
    for (const address of [PROGRAMS, "http://localhost:7266", "http://[::1]:7266", "http://127.0.0.1:4000"])
      expect((await onOneComputer.ask(`${address}/api/me`, { token })).status, address).toBe(200);
  });
});

describe("on a server of its own", () => {
  const PUBLIC = "https://samovar.test";
  const LOCAL = "http://127.0.0.1:7266";
  const control = controlPlane(undefined, { PUBLIC_URL: PUBLIC, LOCAL_URL: LOCAL });
  // Behind a proxy that ends TLS, a request has the public name and the scheme http.
  const FORWARDED = "http://samovar.test";

  it("a browser signs in through the proxy, with a cookie for TLS alone, and its answers demand TLS", async () => {
    const { apiToken } = await setUp();
    const made = await control.ask(`${LOCAL}/api/identity/links`, { body: {}, token: apiToken });
    const { url } = signInLink.parse(await made.json());
    expect(url).toMatch(/^https:\/\/samovar\.test\/sign-in#/);
    const redeemed = await control.ask(`${FORWARDED}/api/identity/redeem`, {
      body: { token: new URL(url).hash.slice(1) },
      headers: { origin: PUBLIC },
    });
    expect(redeemed.status).toBe(200);
    expect(redeemed.headers.get("strict-transport-security")).toMatch(/^max-age=\d{8}/);
    const cookie = redeemed.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^__Host-samovar_session=[^]*; Secure/);
    const headers = { cookie: cookie.split(";", 1)[0] ?? "", origin: PUBLIC };
    expect((await control.ask(`${FORWARDED}/api/me`, { headers })).status).toBe(200);
    const change = (origin: string) =>
      control.ask(`${FORWARDED}/api/identity/sign-out-others`, {
        method: "POST",
        body: {},
        headers: { ...headers, origin },
      });
    expect((await change("http://samovar.test")).status, "the same name without TLS is another origin").toBe(403);
    expect((await change(PUBLIC)).status).toBe(200);
    const local = await control.ask(`${LOCAL}/api/me`, { headers });
    expect(local.status, "the cookie does not count at the local address").toBe(401);
  });

  it("programs on the server call it at its local address, which serves no pages", async () => {
    const { apiToken: token } = await setUp();
    expect((await control.ask(`${LOCAL}/api/me`, { token })).status).toBe(200);
    expect((await control.ask(`${LOCAL}/sign-in`)).status).toBe(404);
    expect((await control.ask(`${FORWARDED}/sign-in`)).status).toBe(200);
  });

  it.each(["http://127.0.0.1:8080", "http://localhost:7266", "https://samovar.test:8443", "https://evil.test"])(
    "[S1] another name is refused: %s",
    async (address) => {
      expect((await control.ask(`${address}/api/health`)).status).toBe(403);
    },
  );
});

describe("a name that is not ours", () => {
  const planes = { local: onOneComputer, cloud: controlPlane(undefined, { PUBLIC_URL: "https://samovar.test" }) };

  it.each([
    ["local", "http://evil.test:7266"],
    ["local", "http://127.0.0.1.evil.test:7266"],
    ["local", "http://192.168.1.4:7266"],
    ["cloud", "https://evil.test"],
    ["cloud", "https://samovar.test.evil.test"],
    ["cloud", "https://127.0.0.1"],
  ] as const)("[S1] is refused, with a valid token too (%s: %s)", async (place, address) => {
    const { apiToken: token } = await setUp();
    for (const path of ["/api/me", "/api/health", "/sign-in"])
      expect((await planes[place].ask(`${address}${path}`, { token })).status, path).toBe(403);
  });
});
