/**
 * The sweep: repairs what alarms and runs have missed. Each phase has a separate time limit and a separate record, so that
 * one that throws or hangs does not stop the others. Keeps N1, N3, T1.
 */
import { errorMessage } from "@samovar/base";
import type { Millis } from "@samovar/base";
import type { Ports } from "../deps.ts";
import { depsFor, systemPorts } from "../deps.ts";
import type { Deps } from "../deps.ts";
import type { Env } from "../env.ts";
import { deleteFinishedRuns } from "../tasks/finished-runs.ts";
import { repairOrphanRuns } from "../tasks/orphans.ts";
import { within } from "../within.ts";
import { sweepGoneServers } from "./gone-servers.ts";
import { sweepRestored } from "./restored.ts";
import { sweepRetainedWorkspaces } from "./retained-workspaces.ts";
import { sweepAbandonedWorkspaces } from "./abandoned-workspaces.ts";
import { sweepOldAuditEntries } from "./old-audit-entries.ts";
import { sweepOldHistory } from "./old-history.ts";
import { sweepOldKeys } from "./old-keys.ts";
import { sweepLostViewers } from "./lost-viewers.ts";
import { PER_SWEEP } from "./phase.ts";
import type { Phase, PhaseOutcome } from "./phase.ts";
import { recordPhase } from "./record.ts";
import { sweepDestroyedNodes } from "./destroyed-nodes.ts";
import { sweepStaleNodes } from "./stale-nodes.ts";
import { sweepUnknownServers } from "./unknown-servers.ts";

export interface PhaseReport extends PhaseOutcome {
  readonly phase: string;
  readonly ok: boolean;
  readonly error: string | null;
}

export type SweepReport = readonly PhaseReport[];

export const PHASES: Readonly<Record<string, Phase>> = {
  restored: sweepRestored,
  "stale-nodes": sweepStaleNodes,
  "destroyed-nodes": sweepDestroyedNodes,
  "unknown-servers": sweepUnknownServers,
  "gone-servers": sweepGoneServers,
  "retained-workspaces": sweepRetainedWorkspaces,
  "orphan-runs": ({ env }, now) => repairOrphanRuns(env, now, PER_SWEEP),
  "abandoned-workspaces": sweepAbandonedWorkspaces,
  "old-keys": sweepOldKeys,
  "old-history": sweepOldHistory,
  "old-audit-entries": sweepOldAuditEntries,
  "lost-viewers": sweepLostViewers,
  "finished-runs": (deps, now) => deleteFinishedRuns(deps, now, PER_SWEEP),
};

const PHASE_LIMIT_MS = 60_000;

export async function runSweep(
  env: Env,
  now: Millis,
  phases: Readonly<Record<string, Phase>> = PHASES,
  ports: Ports = systemPorts,
): Promise<SweepReport> {
  const deps = depsFor(env, ports);
  return Promise.all(Object.entries(phases).map(([name, phase]) => runPhase(deps, name, phase, now)));
}

async function runPhase(deps: Deps, phase: string, work: Phase, now: Millis): Promise<PhaseReport> {
  const report = await runAndRecord(deps, phase, work, now);
  const log = report.ok ? deps.logger.info : deps.logger.error;
  log("sweep.phase", { ...report });
  return report;
}

async function runAndRecord(deps: Deps, phase: string, work: Phase, now: Millis): Promise<PhaseReport> {
  try {
    const outcome = await within(PHASE_LIMIT_MS, work(deps, now));
    await recordPhase(deps.db, phase, now, deps.clock.now(), { ...outcome, error: null });
    return { phase, ok: true, error: null, ...outcome };
  } catch (error) {
    const failed = { found: 0, acted: 0, error: errorMessage(error).slice(0, 2000) };
    await recordPhase(deps.db, phase, now, deps.clock.now(), failed).catch((again: unknown) =>
      deps.logger.error("sweep.record_failed", { phase, error: again }),
    );
    return { phase, ok: false, ...failed };
  }
}
