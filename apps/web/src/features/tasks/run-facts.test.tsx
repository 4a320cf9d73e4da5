import type { TaskOutput } from "@samovar/contracts";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { RunFacts } from "./run-facts.tsx";

const html = (redactions?: number) => {
  const output: TaskOutput = {
    branch: null,
    commits: [],
    diffStat: null,
    summary: null,
    pullRequestUrl: null,
    warning: null,
    usage: null,
    stopReason: "end_turn",
    restarts: 0,
    redactions,
    bundle: null,
    durations: { work: 1000 },
    transcript: null,
  };
  return renderToStaticMarkup(<RunFacts output={output} />);
};

describe("the facts of a run", () => {
  it("say how many secrets were redacted", () => {
    expect(html(1)).toContain("1 secret was redacted from the transcript");
    expect(html(2)).toContain("2 secrets were redacted from the transcript");
  });

  it("say nothing of redactions when there was none, or none was counted", () => {
    expect(html(0)).not.toContain("redacted");
    expect(html()).not.toContain("redacted");
  });
});
