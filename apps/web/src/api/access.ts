/** Who can act as this person (API tokens and signed-in browsers), and the audit log. Other clients change these: read each time. */
import type { ApiTokenId, SignInSessionId } from "@samovar/base";
import {
  apiTokenView,
  auditEntry,
  deviceLoginView,
  page,
  signInSessionView,
  type AuditEntry,
  type DeviceLoginView,
  type Page,
} from "@samovar/contracts";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { anything, api } from "./client.ts";
import { apiTokensKey, auditLogKey, deviceLoginKey, signInSessionsKey } from "./query-keys.ts";

const ENTRIES_PER_PAGE = 50;
const FIRST_PAGE: string | undefined = undefined;

const tokenPage = page(apiTokenView);
const sessionPage = page(signInSessionView);
const entryPage = page(auditEntry);

export const apiTokensQuery = queryOptions({
  queryKey: apiTokensKey,
  queryFn: async ({ signal }) => (await api.call("GET /api/tokens", tokenPage, {}, { signal })).items,
  refetchOnMount: "always",
});

export const revokeApiToken = (tokenId: ApiTokenId): Promise<unknown> =>
  api.call("DELETE /api/tokens/{tokenId}", anything, { tokenId });

export const signInSessionsQuery = queryOptions({
  queryKey: signInSessionsKey,
  queryFn: async ({ signal }) => (await api.call("GET /api/sign-in-sessions", sessionPage, {}, { signal })).items,
  refetchOnMount: "always",
});

export const endSignInSession = (signInSessionId: SignInSessionId): Promise<unknown> =>
  api.call("DELETE /api/sign-in-sessions/{signInSessionId}", anything, { signInSessionId });

export const signOutOthers = (): Promise<unknown> => api.call("POST /api/identity/sign-out-others", anything);

/** A command line that asks to sign in. `userCode`: as `userCode` of the contracts writes it. */
export const deviceLoginQuery = (userCode: string) =>
  queryOptions({
    queryKey: deviceLoginKey(userCode),
    queryFn: ({ signal }) =>
      api.call("GET /api/identity/device-logins/{userCode}", deviceLoginView, { userCode }, { signal }),
    refetchOnMount: "always",
    retry: false,
  });

export const answerDeviceLogin = (userCode: string, approve: boolean): Promise<DeviceLoginView> =>
  api.call("POST /api/identity/device-logins/{userCode}/answer", deviceLoginView, { userCode, body: { approve } });

/** Newest first. */
export const auditLogQuery = infiniteQueryOptions({
  queryKey: auditLogKey,
  queryFn: ({ pageParam: cursor, signal }): Promise<Page<AuditEntry>> =>
    api.call("GET /api/audit-log", entryPage, { query: { limit: ENTRIES_PER_PAGE, cursor } }, { signal }),
  initialPageParam: FIRST_PAGE,
  getNextPageParam: (last: Page<AuditEntry>) => last.nextCursor,
  refetchOnMount: "always",
});
