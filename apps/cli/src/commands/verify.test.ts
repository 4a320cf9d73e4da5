import { createServer } from "node:http";
import { once } from "node:events";
import type { TaskView } from "@samovar/contracts";
import { aProjectView, aSessionView, aTaskView } from "@samovar/testing";
import { describe, expect, it } from "vitest";
import { directClient } from "../client/connect.ts";
import { message } from "../output/recording.testing.ts";
import { testContext } from "./context.testing.ts";
import { freeSpaceFinding, gitVersionFinding, nodeFinding } from "./doctor.ts";
import { judge, proofFaults, transcriptFaults } from "./verify.ts";

const digest = (count: number, digest = "d") => ({ count, digest });

describe("[R16] judging a stored transcript", () => {
  it("finds nothing wrong with a whole one", () => {
    const messages = [message(0), message(1), message(2)];
    expect(transcriptFaults({ messageCount: 3 }, messages)).toEqual([]);
    expect(
      proofFaults({ status: "completed" }, { agreed: true, claimed: digest(2), stored: digest(2) }, messages),
    ).toEqual([]);
  });

  it("finds gaps, doubles, wrong counts and open ends", () => {
    const twin = message(1);
    expect(transcriptFaults({ messageCount: 2 }, [message(0), message(2)])).toEqual([
      "positions are not dense: 2 stands where 1 should",
    ]);
    expect(transcriptFaults({ messageCount: 3 }, [message(0), twin, { ...twin, position: 2 }])).toEqual([
      "a message is there twice",
    ]);
    expect(transcriptFaults({ messageCount: 5 }, [message(0)])).toEqual(["the session counts 5 messages, 1 are there"]);
    expect(transcriptFaults({ messageCount: 1 }, [message(0, { final: false })])).toEqual([
      "1 message never became final",
    ]);
  });

  it("does not believe an agreement whose halves differ, nor a digest of more than is there", () => {
    const agreed = { agreed: true, claimed: digest(2, "a"), stored: digest(2, "b") };
    expect(proofFaults({ status: "completed" }, agreed, [message(0), message(1)])).toHaveLength(1);
    expect(
      proofFaults({ status: "completed" }, { agreed: true, claimed: digest(2), stored: digest(2) }, [message(0)]),
    ).toEqual(["2 messages are proven, 1 are there"]);
  });

  it("lets a task that failed early be unproven, but none that completed", () => {
    expect(proofFaults({ status: "cancelled" }, null, [])).toEqual([]);
    expect(proofFaults({ status: "completed" }, null, [])).toEqual(["the task completed without a proof"]);
  });
});

describe("[R16] a task without a proof", () => {
  const session = aSessionView({ messageCount: 1 });
  const judged = async (task: TaskView, status: number, code: string) => {
    const answers: Record<string, unknown> = {
      [`/api/projects/${session.projectId}/sessions/${session.id}`]: session,
      [`/api/projects/${session.projectId}/sessions/${session.id}/messages`]: { session, messages: [message(0)] },
    };
    const server = createServer((request, response) => {
      const answer = answers[new URL(request.url ?? "", "http://x").pathname];
      const refusal = { error: { code, message: "There is no digest of it.", requestId: "r" } };
      response.writeHead(answer === undefined ? status : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? refusal));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const address = server.address();
    const client = directClient(
      { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, token: "smv_test" },
      testContext(),
    );
    try {
      return await judge(client, aProjectView({ id: session.projectId }), task);
    } finally {
      server.close();
    }
  };
  const ended = (status: TaskView["status"]) =>
    aTaskView({ projectId: session.projectId, sessionId: session.id, status });

  it("is no fault when it ended before its agent began", async () => {
    expect(await judged(ended("failed"), 409, "conflict")).toMatchObject({ verdict: "unproven", faults: [] });
  });

  it("is one when the task completed, and another refusal is not taken for it", async () => {
    expect(await judged(ended("completed"), 409, "conflict")).toMatchObject({ verdict: "faulty" });
    await expect(judged(ended("failed"), 500, "internal")).rejects.toThrow(/no digest/);
  });
});

describe("what doctor makes of a machine", () => {
  it("tells old from recent and much from little", () => {
    expect(["22.1.0", "24.0.0"].map((version) => nodeFinding(version).state)).toEqual(["fault", "ok"]);
    expect(
      [null, "git version 1.9.5", "git version 2.39.5 (Apple Git-1)"].map((output) => gitVersionFinding(output).state),
    ).toEqual(["fault", "warning", "ok"]);
    expect([1e6, 1e11].map((bytes) => freeSpaceFinding(bytes).state)).toEqual(["warning", "ok"]);
  });
});
