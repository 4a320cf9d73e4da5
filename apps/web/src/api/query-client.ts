/** The cache of REST answers. The socket keeps it fresh, so nothing is asked for again by time or focus. */
import { backoffMs } from "@samovar/base";
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError, isApiError } from "./client.ts";
import { meKey } from "./query-keys.ts";

export function createQueryClient(): QueryClient {
  const onError = (error: unknown) => {
    if (isApiError(error, "unauthenticated")) void client.setQueryData(meKey, null);
  };
  const client = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 30 * 60_000,
        refetchOnWindowFocus: false,
        retry: mayHelp,
        retryDelay,
      },
      mutations: { retry: false },
    },
  });
  return client;
}

/** Reads are retried when no answer came or the server is busy; a refusal is final. */
function mayHelp(failures: number, error: unknown): boolean {
  if (failures >= 2 || !(error instanceof ApiError)) return false;
  return error.code === "unreachable" || error.code === "unavailable" || error.code === "rate_limited";
}

/** Counts failures from 0. */
const retryDelay = (failures: number) => backoffMs(failures + 1, { initialMs: 400, maxMs: 1_600 });
