/** The notice of a refused connection, as HTML: what it offers under each policy [R50]. */
import type { EgressPolicy } from "@samovar/contracts";
import { readRefusal } from "@samovar/domain/egress-permission";
import { aMessageView, aProjectView, aToolMetadata } from "@samovar/testing";
import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRootRoute, createRouter, RouterContextProvider } from "@tanstack/react-router";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import { createQueryClient } from "../../api/query-client.ts";
import { ProjectContext } from "../../api/use-project.ts";
import { EgressNotice } from "./egress-notice.tsx";

const router = createRouter({ routeTree: createRootRoute(), history: createMemoryHistory() });

function show(egress: EgressPolicy, target: string, open = true): string {
  const message = aMessageView({
    role: "system",
    kind: "notice",
    content: "The agent could not connect.",
    toolMetadata: aToolMetadata({
      toolCallId: `egress:${target}`,
      tool: "egress",
      title: "Connection refused",
      target,
      status: "error",
    }),
  });
  const refused = readRefusal(message.toolMetadata);
  if (refused === null) throw new Error(`${target} is no target`);
  return renderToStaticMarkup(
    <RouterContextProvider router={router}>
      <QueryClientProvider client={createQueryClient()}>
        <ProjectContext value={aProjectView({ egress })}>
          <EgressNotice message={message} refused={refused} open={open} onToggle={() => {}} />
        </ProjectContext>
      </QueryClientProvider>
    </RouterContextProvider>,
  );
}

const policy = (mode: EgressPolicy["mode"], ...hosts: string[]): EgressPolicy => ({ mode, hosts });
const ENABLED = /<button type="button" class="[^"]*">Allow for this project/;

it("[R50] is one line with the host's name, folded", () => {
  const shown = show(policy("allow-list"), "registry.example:443", false);
  expect(shown).toContain("Connection refused");
  expect(shown).toContain("registry.example:443");
  expect(shown).not.toContain("could not connect");
  expect(shown).not.toContain("Allow for this project");
});

it("[R50] offers to allow the host, also one of a private network in an open project", () => {
  for (const [egress, target] of [
    [policy("allow-list"), "registry.example:443"],
    [policy("open"), "10.0.0.7:5432"],
  ] as const)
    expect(show(egress, target)).toMatch(ENABLED);
});

it("[R50] says that a listed host is allowed already, from the next session on", () => {
  const shown = show(policy("allow-list", "registry.example"), "registry.example:443");
  expect(shown).toContain("Already allowed");
  expect(shown).toContain("Allowed from the next session on.");
  expect(shown).not.toMatch(ENABLED);
});

it("[R50] links to the settings of a project that allows no hosts", () => {
  const shown = show(policy("none"), "registry.example:443");
  expect(shown).toContain("This project allows no hosts.");
  expect(shown).toMatch(/href="\/p\/prj_[^"]+\/settings"/);
  expect(shown).not.toMatch(ENABLED);
});

it("[R50] offers nothing for the node itself and its link", () => {
  for (const target of ["127.0.0.1:8080", "169.254.169.254:80", "localhost:3000", "[fe80::1]:80"]) {
    const shown = show(policy("open"), target);
    expect(shown).toContain("be allowed");
    expect(shown).not.toContain("Allow for this project");
  }
});

it("[security 31] shows hidden characters in a host's name", () => {
  expect(show(policy("open"), "tea\u202e.example:443")).toContain("tea⟨U+202E⟩.example:443");
});
