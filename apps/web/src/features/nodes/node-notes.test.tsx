/** What a node's entry says about where its agents run, as HTML. */
import type { NodeStateName, RuntimeReport } from "@samovar/contracts";
import { aNodeView } from "@samovar/testing";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import { NodeName } from "./node-facts.tsx";
import { hasNotes, NodeNotes } from "./node-notes.tsx";

const usage = { running: [], retained: [] };
const show = (runtime: RuntimeReport | null, state: NodeStateName = "active") => {
  const node = aNodeView({ runtime, state });
  const notes = hasNotes(node, usage) ? renderToStaticMarkup(<NodeNotes node={node} usage={usage} />) : "";
  return { name: renderToStaticMarkup(<NodeName node={node} />), notes };
};

it("[security 23] names a sandbox or container beside the size, and gives the reason where there is none", () => {
  expect(show({ kind: "sandbox", reason: null })).toMatchObject({
    name: expect.stringContaining("· Sandbox"),
    notes: "",
  });
  expect(show({ kind: "docker", reason: "bubblewrap is not installed." })).toMatchObject({
    name: expect.stringContaining("· Docker"),
    notes: "",
  });
  const without = show({ kind: "process", reason: "bubblewrap is not installed.\u202e" });
  expect(without.name).not.toContain("Sandbox");
  expect(without.notes).toContain("No sandbox: bubblewrap is not installed.⟨U+202E⟩ Agents can reach");
  const apart = show({ kind: "process", reason: "No.", users: "separate" });
  expect(apart.notes).toContain("Each workspace has its own user: agents can reach what every user of the node can.");
  expect(show({ kind: "unavailable", reason: "No." }).notes).toContain("No sandbox: No. No task runs there.");
  expect(show(null)).toMatchObject({ notes: "" });
});

it("[R18] says what a connected node still waits for", () => {
  const preparing = { kind: "preparing", reason: "installing bubblewrap git" } as const;
  const shown = show(preparing, "provisioning");
  expect(shown.notes).toContain("Connected, and not ready for a task yet: installing bubblewrap git.");
  expect(shown.notes).not.toContain("No sandbox");
  expect(show(preparing, "destroying").notes).toBe("");
});
