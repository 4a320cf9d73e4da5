/** Sends a batch to the control plane. Every failure is an outcome, never an exception. */
import { errorMessage, parseJson, redactText } from "@samovar/base";
import type { WorkspaceId } from "@samovar/base";
import type { DeliveredMessage, DeliveryReply } from "@samovar/contracts";
import { deliveryReply } from "@samovar/contracts";
import { type HttpResponse, sendRequest } from "./send-request.ts";

export type SendOutcome =
  | { readonly kind: "answered"; readonly reply: DeliveryReply }
  | { readonly kind: "unauthorized" }
  | { readonly kind: "too_large" }
  /** Network, 429, 5xx, or an answer that cannot be understood. `answered`: the store could be reached. */
  | {
      readonly kind: "failed";
      readonly answered: boolean;
      readonly reason: string;
      readonly retryAfterMs: number | null;
    };

export interface Transport {
  send(messages: readonly DeliveredMessage[], token: string, signal: AbortSignal): Promise<SendOutcome>;
}

const ANSWER_TIMEOUT_MS = 30_000;

export function httpTransport(controlPlaneUrl: string, workspaceId: WorkspaceId): Transport {
  const url = new URL(`/api/workspaces/${workspaceId}/messages`, controlPlaneUrl);
  return {
    async send(messages, token, signal) {
      try {
        const response = await sendRequest(url, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: JSON.stringify({ messages }),
          signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
        });
        return toOutcome(response, messages.length);
      } catch (error) {
        return { kind: "failed", answered: false, reason: networkReason(error), retryAfterMs: null };
      }
    },
  };
}

function toOutcome(response: HttpResponse, rows: number): SendOutcome {
  if (response.status >= 200 && response.status < 300) return readReply(parseJson(response.text), rows);
  if (response.status === 401) return { kind: "unauthorized" };
  if (response.status === 413) return { kind: "too_large" };
  const reason = `the store answered ${response.status}`;
  return { kind: "failed", answered: true, reason, retryAfterMs: retryAfter(response) };
}

function readReply(body: unknown, rows: number): SendOutcome {
  const reply = deliveryReply.safeParse(body);
  if (reply.success && reply.data.results.length === rows) return { kind: "answered", reply: reply.data };
  return { kind: "failed", answered: true, reason: "the store's answer could not be understood", retryAfterMs: null };
}

function retryAfter(response: HttpResponse): number | null {
  const seconds = Number(response.headers["retry-after"] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}

const networkReason = (error: unknown): string => redactText(errorMessage(error));
