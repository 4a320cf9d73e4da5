/**
 * First boot: exchanges the single-use token for the node's identity. The claim is on disk before it is sent, so that
 * after a lost answer or a crash the same claim is sent again and gets the same answer.
 */
import type { Clock, Logger, Random, Timers } from "@samovar/base";
import { backoffMs, errorMessage } from "@samovar/base";
import { bootstrapReply } from "@samovar/contracts";
import { mkdirSync } from "node:fs";
import type { VmAgentSettings } from "../settings.ts";
import { AGENT_VERSION } from "../settings.ts";
import { getReconnectLimits } from "./reconnect-limits.ts";
import type { EnrolledIdentity, Identity } from "./identity.ts";
import { forgetBootstrapToken, readIdentity, writeIdentity } from "./identity.ts";
import { removeUserData } from "./user-data.ts";

export interface BootstrapPorts {
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The token was refused for half an hour, or there is no token: retrying is useless. */
export class BootstrapRefusedError extends Error {
  override readonly name = "BootstrapRefusedError";
}

const REQUEST_TIMEOUT_MS = 15_000;
const REFUSED_WAIT_MS = 60_000;
const REFUSED_LIMIT_MS = 30 * 60_000;

/** Returns at once when the node has an identity. Throws {@link BootstrapRefusedError}, or the abort's reason. */
export async function obtainIdentity(
  settings: VmAgentSettings,
  ports: BootstrapPorts,
): Promise<EnrolledIdentity | { readonly phase: "gone" }> {
  mkdirSync(settings.stateDir, { recursive: true, mode: 0o700 });
  const known = readIdentity(settings.stateDir);
  if (known !== null && known.phase !== "claiming") {
    forgetBootstrap(settings);
    return known;
  }
  const token = settings.bootstrapToken;
  if (token === null)
    throw new BootstrapRefusedError("agent.json has no bootstrap token and this node has no identity");
  const claim = known?.claim ?? createClaim(settings.stateDir, ports.random);
  const enrolled = await enrol({ ...settings, token, claim }, ports);
  writeIdentity(settings.stateDir, enrolled);
  forgetBootstrap(settings);
  ports.logger.info("node.enrolled", { epoch: enrolled.epoch });
  return enrolled;
}

function forgetBootstrap(settings: VmAgentSettings): void {
  forgetBootstrapToken(settings);
  removeUserData(settings.root);
}

function createClaim(stateDir: string, random: Random): string {
  const claim = Buffer.from(random.bytes(24)).toString("hex");
  writeIdentity(stateDir, { phase: "claiming", claim });
  return claim;
}

interface Enrolment extends Pick<VmAgentSettings, "controlPlaneUrl" | "nodeId"> {
  readonly token: string;
  readonly claim: string;
}

async function enrol(enrolment: Enrolment, ports: BootstrapPorts): Promise<EnrolledIdentity> {
  const limits = getReconnectLimits(enrolment.controlPlaneUrl);
  let refusedSince: number | null = null;
  for (let failures = 1; ; failures++) {
    const answer = await requestIdentity(enrolment, ports);
    if (answer.kind === "enrolled") return answer.identity;
    ports.logger.warn("bootstrap.failed", { refused: answer.kind === "refused", reason: answer.reason, failures });
    refusedSince = answer.kind === "refused" ? (refusedSince ?? ports.clock.now()) : null;
    if (refusedSince !== null && ports.clock.now() - refusedSince >= REFUSED_LIMIT_MS)
      throw new BootstrapRefusedError(answer.reason);
    const waitMs = answer.kind === "refused" ? REFUSED_WAIT_MS : backoffMs(failures, limits, ports.random.next());
    await pause(waitMs, ports);
  }
}

type Answer =
  | { readonly kind: "enrolled"; readonly identity: Extract<Identity, { phase: "enrolled" }> }
  /** The control plane answered and refused. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "unanswered"; readonly reason: string };

async function requestIdentity(enrolment: Enrolment, ports: BootstrapPorts): Promise<Answer> {
  try {
    const response = await ports.fetch(`${enrolment.controlPlaneUrl}/api/nodes/${enrolment.nodeId}/bootstrap`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: enrolment.token, claim: enrolment.claim, agentVersion: AGENT_VERSION }),
      redirect: "error",
      signal: AbortSignal.any([ports.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    });
    if (response.ok)
      return { kind: "enrolled", identity: { phase: "enrolled", ...bootstrapReply.parse(await response.json()) } };
    await response.body?.cancel();
    const refused =
      response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429;
    return { kind: refused ? "refused" : "unanswered", reason: `status ${response.status}` };
  } catch (error) {
    ports.signal.throwIfAborted();
    return { kind: "unanswered", reason: errorMessage(error) };
  }
}

function pause(delayMs: number, ports: BootstrapPorts): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = ports.timers.after(delayMs, () => {
      ports.signal.removeEventListener("abort", stop);
      resolve();
    });
    const stop = () => {
      cancel();
      reject(ports.signal.reason);
    };
    ports.signal.addEventListener("abort", stop, { once: true });
  });
}
