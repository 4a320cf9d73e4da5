/** Who can act as this person (API tokens and signed-in browsers), and the audit log. Other clients change these: read each time. */
import type { ApiTokenId, SignInSessionId } from "@samovar/base";
import { apiTokenView, auditEntry, page, signInSessionView, type AuditEntry, type Page } from "@samovar/contracts";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { anything, call } from "./client.ts";
import { apiTokensKey, auditLogKey, signInSessionsKey } from "./query-keys.ts";

const ENTRIES_PER_PAGE = 50;

const tokenPage = page(apiTokenView);
const sessionPage = page(signInSessionView);
const entryPage = page(auditEntry);

export const apiTokensQuery = queryOptions({
  queryKey: apiTokensKey,
  queryFn: async ({ signal }) => (await call("/tokens", tokenPage, { signal })).items,
  refetchOnMount: "always",
});

export const revokeApiToken = (id: ApiTokenId): Promise<unknown> =>
  call(`/tokens/${id}`, anything, { method: "DELETE" });

export const signInSessionsQuery = queryOptions({
  queryKey: signInSessionsKey,
  queryFn: async ({ signal }) => (await call("/sign-in-sessions", sessionPage, { signal })).items,
  refetchOnMount: "always",
});

export const endSignInSession = (id: SignInSessionId): Promise<unknown> =>
  call(`/sign-in-sessions/${id}`, anything, { method: "DELETE" });

export const signOutOthers = (): Promise<unknown> => call("/identity/sign-out-others", anything, { method: "POST" });

/** Newest first. */
export const auditLogQuery = infiniteQueryOptions({
  queryKey: auditLogKey,
  queryFn: ({ pageParam, signal }): Promise<Page<AuditEntry>> => {
    const cursor = pageParam === "" ? "" : `&cursor=${encodeURIComponent(pageParam)}`;
    return call(`/audit-log?limit=${ENTRIES_PER_PAGE}${cursor}`, entryPage, { signal });
  },
  initialPageParam: "",
  getNextPageParam: (last: Page<AuditEntry>) => last.nextCursor,
  refetchOnMount: "always",
});
