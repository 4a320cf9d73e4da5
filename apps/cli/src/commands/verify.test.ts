import { createServer } from "node:http";
import { once } from "node:events";
import type { TaskView } from "@samovar/contracts";
import { aProjectView, aSessionView, aTaskView } from "@samovar/testing";
import { describe, expect, it } from "vitest";
import { createClient } from "../client/connect.ts";
import { message } from "../output/recording.testing.ts";
import { testContext } from "./context.testing.ts";
import { checkFreeSpace, checkGitVersion, checkNodeVersion } from "./doctor.ts";
import { verifyTask, findDigestFaults, findTranscriptFaults } from "./verify.ts";

const digest = (count: number, digest = "d") => ({ count, digest });

describe("[R16] verifying a stored transcript", () => {
  it("finds no fault in a complete one", () => {
    const messages = [message(0), message(1), message(2)];
    expect(findTranscriptFaults({ messageCount: 3 }, messages)).toEqual([]);
    expect(
      findDigestFaults({ status: "completed" }, { agreed: true, claimed: digest(2), stored: digest(2) }, messages),
    ).toEqual([]);
  });

  it("finds gaps, duplicates, wrong counts and messages that never became final", () => {
    const twin = message(1);
    expect(findTranscriptFaults({ messageCount: 2 }, [message(0), message(2)])).toEqual([
      "positions are not dense: found 2 instead of 1",
    ]);
    expect(findTranscriptFaults({ messageCount: 3 }, [message(0), twin, { ...twin, position: 2 }])).toEqual([
      "a message is stored twice",
    ]);
    expect(findTranscriptFaults({ messageCount: 5 }, [message(0)])).toEqual([
      "the session counts 5 messages, but 1 are stored",
    ]);
    expect(findTranscriptFaults({ messageCount: 1 }, [message(0, { final: false })])).toEqual([
      "1 message never became final",
    ]);
  });

  it("rejects an agreement whose digests differ, and a digest of more messages than are stored", () => {
    const agreed = { agreed: true, claimed: digest(2, "a"), stored: digest(2, "b") };
    expect(findDigestFaults({ status: "completed" }, agreed, [message(0), message(1)])).toHaveLength(1);
    expect(
      findDigestFaults({ status: "completed" }, { agreed: true, claimed: digest(2), stored: digest(2) }, [message(0)]),
    ).toEqual(["the digest covers 2 messages, but 1 are stored"]);
  });

  it("accepts a missing digest for a task that failed early, but not for a completed one", () => {
    expect(findDigestFaults({ status: "cancelled" }, null, [])).toEqual([]);
    expect(findDigestFaults({ status: "completed" }, null, [])).toEqual([
      "the task completed without a transcript digest",
    ]);
  });
});

describe("[R16] a task without a transcript digest", () => {
  const session = aSessionView({ messageCount: 1 });
  const verify = async (task: TaskView, status: number, code: string) => {
    const answers: Record<string, unknown> = {
      [`/api/projects/${session.projectId}/sessions/${session.id}`]: session,
      [`/api/projects/${session.projectId}/sessions/${session.id}/messages`]: { session, messages: [message(0)] },
    };
    const server = createServer((request, response) => {
      const answer = answers[new URL(request.url ?? "", "http://x").pathname];
      const refusal = { error: { code, message: "There is no digest.", requestId: "r" } };
      response.writeHead(answer === undefined ? status : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? refusal));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const address = server.address();
    const client = createClient(
      { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, token: "smv_test" },
      testContext(),
    );
    try {
      return await verifyTask(client, aProjectView({ id: session.projectId }), task);
    } finally {
      server.close();
    }
  };
  const ended = (status: TaskView["status"]) =>
    aTaskView({ projectId: session.projectId, sessionId: session.id, status });

  it("is accepted when it ended before its agent started", async () => {
    expect(await verify(ended("failed"), 409, "conflict")).toMatchObject({ result: "unverified", faults: [] });
  });

  it("is a fault when it completed, and any other refusal is an error", async () => {
    expect(await verify(ended("completed"), 409, "conflict")).toMatchObject({ result: "faulty" });
    await expect(verify(ended("failed"), 500, "internal")).rejects.toThrow(/no digest/);
  });
});

describe("doctor's checks of a machine", () => {
  it("recognize old versions and low disk space", () => {
    expect(["22.1.0", "24.0.0"].map((version) => checkNodeVersion(version).state)).toEqual(["fault", "ok"]);
    expect(
      [null, "git version 1.9.5", "git version 2.39.5 (Apple Git-1)"].map((output) => checkGitVersion(output).state),
    ).toEqual(["fault", "warning", "ok"]);
    expect([1e6, 1e11].map((bytes) => checkFreeSpace(bytes).state)).toEqual(["warning", "ok"]);
  });
});
