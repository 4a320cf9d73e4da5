/** A run's job as its node sees it: the slot lease and the commands that the run will send. */
import type { ProjectId, UserId, WorkspaceId } from "@samovar/base";
import type {
  AgentKind,
  AgentRecipe,
  CheckoutOptions,
  CommandDraft,
  CommitIdentity,
  DemandedRuntime,
  Failure,
  VmSize,
} from "@samovar/contracts";
import { PLAIN_CHECKOUT } from "@samovar/contracts";
import { withRepositorySettings } from "@samovar/domain/agents";
import type { TaskRecord } from "@samovar/domain/task-status";
import type { SlotLease } from "@samovar/domain/node-record";
import { eq } from "drizzle-orm";
import { getRecipe } from "../../agents/recipe.ts";
import type { Config } from "../../config.ts";
import { projects } from "../../database/schema.ts";
import type { Deps } from "../../deps.ts";
import { getTaskAgent } from "../create.ts";
import { ensureSession } from "../launch.ts";
import { findTask } from "../store.ts";
import type { RunStart } from "./run-context.ts";
import type { TaskRunParams } from "./params.ts";

/** The settings at the start of the run; later edits of the project do not affect it. */
export interface RunPlan extends RunStart {
  readonly ownerId: UserId;
  readonly size: VmSize;
  readonly agent: AgentRecipe;
  readonly checkout: CheckoutOptions;
  readonly commitIdentity: CommitIdentity;
  /** Absent from plans of earlier versions. */
  readonly runtime?: DemandedRuntime | null;
  readonly repoUrl: string;
  readonly baseBranch: string | null;
  readonly settings: Pick<Config, "AGENT_IDLE_TIMEOUT_MS" | "TASK_MAX_DURATION_MS" | "SETUP_TIMEOUT_MS">;
  readonly params: TaskRunParams;
}

type DraftFor<K extends CommandDraft["kind"]> = Extract<CommandDraft, { kind: K }>;

export interface RunJob {
  readonly task: TaskRecord;
  readonly ownerId: UserId;
  readonly workspaceId: WorkspaceId;
  readonly size: VmSize;
  readonly branch: string;
  readonly lease: SlotLease;
  readonly createCommand: DraftFor<"workspace.create">;
  readonly startCommand: DraftFor<"session.start">;
  readonly cancelCommand: DraftFor<"session.cancel">;
}

/** A run that cannot start; its task fails with `refusal`. */
export interface RunRefusal {
  readonly refusal: Failure;
}

/** Null if the task belongs to another run or has ended: then there is nothing to do. */
export async function openRun(deps: Deps, params: TaskRunParams): Promise<RunPlan | RunRefusal | null> {
  const task = await findTask(deps.db, params.taskId);
  if (task === null || task.runId !== params.runId || task.status !== "queued") return null;
  await ensureSession(deps, task);
  const project = await getProject(deps, task.projectId);
  const kind = getTaskAgent(deps, project, task);
  const agent = await getRecipe(deps, project.ownerId, kind);
  if (agent === null) return refuseWithoutAgent(kind);
  const { COMMIT_NAME, COMMIT_EMAIL, DEFAULT_VM_SIZE } = deps.config;
  const { AGENT_IDLE_TIMEOUT_MS, TASK_MAX_DURATION_MS, SETUP_TIMEOUT_MS } = deps.config;
  return {
    task,
    params,
    workspaceId: deps.ids.make("wsp"),
    noticeId: deps.ids.messageId(),
    ownerId: project.ownerId,
    size: task.vmSize ?? project.defaultVmSize ?? DEFAULT_VM_SIZE,
    agent: project.repositorySettings === "used" ? withRepositorySettings(agent) : agent,
    checkout: project.checkout ?? PLAIN_CHECKOUT,
    commitIdentity: project.commitIdentity ?? { name: COMMIT_NAME, email: COMMIT_EMAIL },
    runtime: project.runtime,
    repoUrl: project.repoUrl,
    baseBranch: task.baseBranch ?? project.baseBranch,
    settings: { AGENT_IDLE_TIMEOUT_MS, TASK_MAX_DURATION_MS, SETUP_TIMEOUT_MS },
  };
}

export function toRunJob({
  task,
  params,
  workspaceId,
  ownerId,
  size,
  agent,
  checkout,
  commitIdentity,
  runtime = null,
  repoUrl,
  baseBranch,
  settings,
}: RunPlan): RunJob {
  const { id: taskId, projectId, sessionId } = task;
  const { runId } = params;
  const branch = `task/${taskId}`;
  return {
    task,
    ownerId,
    workspaceId,
    size,
    branch,
    lease: { workspaceId, taskId, runId, projectId, sessionId },
    createCommand: {
      id: `${runId}:workspace.create`,
      kind: "workspace.create",
      args: {
        workspaceId,
        projectId,
        sessionId,
        taskId,
        repoUrl,
        baseBranch,
        branch,
        commitIdentity,
        checkout,
        agent,
      },
    },
    startCommand: {
      id: `${runId}:session.start`,
      kind: "session.start",
      args: {
        workspaceId,
        sessionId,
        agent,
        runtime,
        model: task.model,
        permissionMode: task.permissionMode,
        setupTimeoutMs: settings.SETUP_TIMEOUT_MS,
        prompt: { messageId: task.promptMessageId, text: task.description },
        idleTimeoutMs: settings.AGENT_IDLE_TIMEOUT_MS,
        maxDurationMs: settings.TASK_MAX_DURATION_MS,
        finish: { commit: true, push: true, commitMessage: commitMessage(task) },
      },
    },
    cancelCommand: {
      id: `${runId}:session.cancel`,
      kind: "session.cancel",
      args: { workspaceId, sessionId, reason: "Cancelled on request." },
    },
  };
}

/** The agent was deleted after the task was submitted. */
const refuseWithoutAgent = (kind: AgentKind): RunRefusal => ({
  refusal: {
    code: "agent_not_configured",
    message: `The agent ${kind} no longer exists. Add it again in the settings, or choose another agent for the task.`,
  },
});

const commitMessage = ({ title, id }: TaskRecord) => `${title}\n\nTask: ${id}\n`;

async function getProject({ db }: Deps, projectId: ProjectId) {
  const [row] = await db.select().from(projects).where(eq(projects.id, projectId));
  if (row === undefined) throw new Error(`there is no project ${projectId}`);
  return row;
}
