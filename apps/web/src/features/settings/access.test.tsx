/** The sections about access and the audit log, as HTML: their rows, and their empty and error states. */
import { QueryClientProvider, type QueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiTokensQuery, auditLogQuery, signInSessionsQuery } from "../../api/access.ts";
import { ApiError } from "../../api/client.ts";
import { createQueryClient } from "../../api/query-client.ts";
import { aSignInSession, anApiToken, anAuditEntry } from "../../api/views.testing.ts";
import { ApiTokens } from "./api-tokens.tsx";
import { AuditEntries } from "./audit-entries.tsx";
import { SignInSessions } from "./sign-in-sessions.tsx";

let client: QueryClient;
beforeEach(() => {
  client = createQueryClient();
});
afterEach(() => client.clear());

const html = (section: ReactNode) =>
  renderToStaticMarkup(<QueryClientProvider client={client}>{section}</QueryClientProvider>);

/** The state of a section whose read has failed, before it is tried again. */
async function failing(queryKey: readonly string[]): Promise<void> {
  client.setDefaultOptions({ queries: { retryOnMount: false } });
  const queryFn = () => Promise.reject(new ApiError("internal", "Try again in a moment.", "req_1"));
  await client.prefetchQuery({ queryKey, queryFn, retry: false });
}

describe("API tokens", () => {
  it("have a name, times, and a button that says which it revokes", () => {
    const [cli, script] = [
      anApiToken({ name: "samovar up", kind: "local", expiresAt: null }),
      anApiToken({ name: "CI <b>\u202e", lastUsedAt: 1 }),
    ];
    client.setQueryData(apiTokensQuery.queryKey, [cli, script]);
    const shown = html(<ApiTokens />);
    expect(shown).toContain("This computer&#x27;s CLI");
    expect(shown).toContain("never used, ends when Samovar stops");
    expect(shown).toContain('aria-label="Revoke CI &lt;b&gt;⟨U+202E⟩"');
    expect(shown).toMatch(/last used <time[^>]*>.*<\/time>, expires Feb 20, 2027/);
  });

  it("say that there are none, or why they could not be read", async () => {
    client.setQueryData(apiTokensQuery.queryKey, []);
    expect(html(<ApiTokens />)).toContain("There are no API tokens.");
    client.clear();
    await failing(apiTokensQuery.queryKey);
    const shown = html(<ApiTokens />);
    expect(shown).toContain("Couldn&#x27;t load API tokens.");
    expect(shown).toContain("Try again</button>");
    expect(shown).not.toContain("There are no API tokens.");
  });
});

describe("signed-in browsers", () => {
  it("mark this one, which is not signed out here, and offer to sign out the others", () => {
    client.setQueryData(signInSessionsQuery.queryKey, [
      aSignInSession({ current: true }),
      aSignInSession({ userAgent: "Kettle/1.0" }),
    ]);
    const shown = html(<SignInSessions />);
    expect(shown).toMatch(/Firefox on Linux<span[^>]*>This browser/);
    expect(shown).toContain('aria-label="Sign out Kettle/1.0"');
    expect(shown.match(/aria-label="Sign out/g)).toHaveLength(1);
    expect(shown).toContain("Sign out everywhere else");
  });

  it("offer nothing when this is the only one, and say why they could not be read", async () => {
    client.setQueryData(signInSessionsQuery.queryKey, [aSignInSession({ current: true })]);
    expect(html(<SignInSessions />)).not.toContain("Sign out");
    client.clear();
    await failing(signInSessionsQuery.queryKey);
    expect(html(<SignInSessions />)).toContain("Couldn&#x27;t load signed-in browsers.");
  });
});

describe("the audit log", () => {
  const show = (items: readonly ReturnType<typeof anAuditEntry>[], nextCursor: string | null = null) => {
    client.setQueryData(auditLogQuery.queryKey, { pages: [{ items: [...items], nextCursor }], pageParams: [""] });
    return html(<AuditEntries />);
  };

  it("[security 40] shows action, object, actor and detail, as text", () => {
    const entry = anAuditEntry({
      action: "node.destroyed",
      objectId: "nod_1",
      actor: { kind: "sign_in_session", id: "sgn_1" },
      detail: { name: "<img src=x>\u202e", size: null },
    });
    const shown = show([entry]);
    expect(shown).toContain("Node destroyed");
    expect(shown).toContain("nod_1");
    expect(shown).toMatch(/By a browser <code[^>]*>sgn_1<\/code> · name: &lt;img src=x&gt;⟨U\+202E⟩</);
    expect(shown).not.toContain("Show older entries");
  });

  it("puts a browser and an expiry into words", () => {
    const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36";
    const detail = { userAgent, expiresAt: Date.UTC(2027, 1, 20, 12) };
    expect(show([anAuditEntry({ detail })])).toMatch(/Chrome on Linux, expires Feb 20, 2027/);
  });

  it("offers older entries while there are any, says when it is empty, and why it could not be read", async () => {
    expect(show([anAuditEntry()], "aud_1")).toContain("Show older entries");
    expect(show([])).toContain("Nothing is recorded yet.");
    client.clear();
    await failing(auditLogQuery.queryKey);
    expect(html(<AuditEntries />)).toContain("Couldn&#x27;t load the audit log.");
  });
});
