/** The built files, as the Worker serves them. How the platform routes requests to it or past it: tests/journeys/releases.test.ts. */
import { errorBody } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import headersFile from "../../test/assets/_headers?raw";
import { controlPlane } from "../../test/caller.ts";
import { renderHeadersFile, SECURITY_HEADERS } from "./security-headers.ts";

const { ask } = controlPlane();
const get = (path: string, headers = {}) => ask(path, { headers });
const NAVIGATION = { accept: "text/html", "sec-fetch-mode": "navigate" };

describe("the built files", () => {
  it.each(["/agent/vm-agent-0.0.1-000000000000.cjs", "/agent/lockfiles/none.json", "/.well-known/none"])(
    "a missing %s is a JSON 404, for a browser too",
    async (path) => {
      for (const headers of [{}, NAVIGATION]) {
        const answer = await get(path, headers);
        expect(answer.status).toBe(404);
        expect(errorBody.parse(await answer.json()).error.code).toBe("not_found");
      }
    },
  );

  it("a missing part of the page is a plain 404, never the page", async () => {
    for (const headers of [{}, NAVIGATION]) {
      const answer = await get("/assets/part-99999999.js", headers);
      expect(answer.status).toBe(404);
      expect(answer.headers.get("content-type") ?? "").not.toContain("html");
      expect(await answer.text()).not.toContain("<");
    }
  });

  it("every part of the page has the security headers", async () => {
    const answer = await get("/assets/part-0a1b2c3d.js");
    expect(await answer.text()).toContain("part = 1");
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(answer.headers.get(name), name).toBe(value);
    expect(answer.headers.get("cache-control")).toContain("immutable");
  });

  it.each(["/", "/projects/prj_1?tab=2", "/sign-in"])("%s is the page", async (path) => {
    const answer = await get(path, NAVIGATION);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(answer.headers.get("content-security-policy")).toBe(SECURITY_HEADERS["content-security-policy"]);
    await answer.text();
  });

  it("nodes get the vm-agent", async () => {
    const answer = await get("/agent/vm-agent.cjs");
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("vm-agent");
  });
});

it("the tests' `_headers` is the one that the build writes", () => {
  expect(headersFile).toBe(renderHeadersFile());
});
