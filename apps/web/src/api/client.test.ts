import { projectView } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { anything, readValue } from "./client.ts";

const answer = (status: number, body: unknown) =>
  new Response(typeof body === "string" ? body : JSON.stringify(body), { status });

describe("an answer", () => {
  it("that is refused carries the catalogue's code, the message and the request", async () => {
    const refused = answer(409, {
      error: { code: "agent_not_configured", message: "Set a key.", requestId: "req_1", details: { agent: "claude" } },
    });
    await expect(readValue(refused, anything)).rejects.toMatchObject({
      code: "agent_not_configured",
      message: "Set a key.",
      requestId: "req_1",
      details: { agent: "claude" },
    });
  });

  it.each([
    [401, "unauthenticated"],
    [502, "unavailable"],
    [418, "unreadable"],
  ])("%d without our words is %s", async (status, code) => {
    await expect(readValue(answer(status, "<html>"), anything)).rejects.toMatchObject({ code });
  });

  it("of another shape is refused, not believed", async () => {
    await expect(readValue(answer(200, { id: "x" }), projectView)).rejects.toMatchObject({ code: "unreadable" });
    await expect(readValue(answer(200, "<html>"), projectView)).rejects.toMatchObject({ code: "unreadable" });
  });

  it("without a body is enough where nothing is to be read", async () => {
    await expect(readValue(new Response(null, { status: 204 }), anything)).resolves.toBeNull();
  });
});
