/** Compares the stored transcript of a task with the digest that its session host computed. */
import { SamovarError } from "@samovar/contracts";
import type { TranscriptVerification } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import { getProjectData } from "../sessions/durable-object/stub.ts";

/** Throws `conflict` if there is no digest to compare with. */
export async function verifyTranscript(deps: Deps, task: TaskRecord): Promise<TranscriptVerification> {
  const claimed = task.output?.transcript?.claimed;
  if (claimed === undefined) {
    const reason = task.endedAt === null ? "it has not ended" : "its node could not report one";
    throw new SamovarError("conflict", `This task's transcript has no digest: ${reason}.`, {
      status: task.status,
    });
  }
  const stored = await getProjectData(deps, task.projectId).digest(task.sessionId);
  return { agreed: stored.count === claimed.count && stored.digest === claimed.digest, claimed, stored };
}
