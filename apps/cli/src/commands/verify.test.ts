import { describe, expect, it } from "vitest";
import { message } from "../output/recording.testing.ts";
import { freeSpaceFinding, gitVersionFinding, nodeFinding } from "./doctor.ts";
import { proofFaults, transcriptFaults } from "./verify.ts";

const proof = (count: number, digest = "d") => ({ count, digest });

describe("[R16] judging a stored transcript", () => {
  it("finds nothing wrong with a whole one", () => {
    const messages = [message(0), message(1), message(2)];
    expect(transcriptFaults({ messageCount: 3 }, messages)).toEqual([]);
    expect(
      proofFaults({ status: "completed" }, { agreed: true, claimed: proof(2), stored: proof(2) }, messages),
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

  it("does not believe an agreement whose halves differ, nor a proof of more than is there", () => {
    const agreed = { agreed: true, claimed: proof(2, "a"), stored: proof(2, "b") };
    expect(proofFaults({ status: "completed" }, agreed, [message(0), message(1)])).toHaveLength(1);
    expect(
      proofFaults({ status: "completed" }, { agreed: true, claimed: proof(2), stored: proof(2) }, [message(0)]),
    ).toEqual(["2 messages are proven, 1 are there"]);
  });

  it("lets a task that failed early be unproven, but none that completed", () => {
    expect(proofFaults({ status: "cancelled" }, null, [])).toEqual([]);
    expect(proofFaults({ status: "completed" }, null, [])).toEqual(["the task completed without a proof"]);
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
