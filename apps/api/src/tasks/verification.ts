/** Whether the stored transcript of a task is still the one that its node has proven. */
import { SamovarError } from "@samovar/contracts";
import type { TranscriptVerification } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import { projectData } from "../sessions/durable-object/stub.ts";

/** Throws `conflict` while there is no digest to compare with. */
export async function verifyTranscript(deps: Deps, task: TaskRecord): Promise<TranscriptVerification> {
  const claimed = task.output?.transcript?.claimed;
  if (claimed === undefined) {
    const why = task.endedAt === null ? "it has not ended" : "its node could not give one";
    throw new SamovarError("conflict", `There is no digest of this task's transcript: ${why}.`, {
      status: task.status,
    });
  }
  const stored = await projectData(deps, task.projectId).digest(task.sessionId);
  return { agreed: stored.count === claimed.count && stored.digest === claimed.digest, claimed, stored };
}
