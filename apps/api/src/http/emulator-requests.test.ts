import { errorBody } from "@samovar/contracts";
import { expect, it } from "vitest";
import { controlPlane } from "../../test/caller.ts";

const { ask } = controlPlane();

it.each(["MF-Original-URL", "MF-Route-Override", "MF-Disable-Pretty-Error", "mf-anything"])(
  "[security 41] a request with the header %s is refused, wherever it leads",
  async (name) => {
    for (const path of ["/api/health", "/sign-in", "/api/nothing"]) {
      const answer = await ask(path, { headers: { [name]: "http://samovar.test/api/health" } });
      expect(answer.status, path).toBe(400);
      expect(errorBody.parse(await answer.json()).error.message).toContain(name.toLowerCase());
    }
  },
);

it.each(["/cdn-cgi/", "/cdn-cgi", "/CDN-CGI/mf/scheduled", "/cdn-cgi/handler/scheduled", "/cdn-cgi/platform-proxy"])(
  "[security 41] %s is no address of ours",
  async (path) => {
    for (const method of ["GET", "POST"]) expect((await ask(path, { method })).status, method).toBe(404);
  },
);

it("other names that begin alike are ordinary", async () => {
  expect((await ask("/api/health", { headers: { "x-mf-original-url": "http://samovar.test/api/me" } })).status).toBe(
    200,
  );
  expect((await ask("/cdn-cgi-not")).status).not.toBe(404);
});
