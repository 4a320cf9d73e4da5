/** How a task runs, beside its text: what its composer and its form let one choose. Null is left to the project or the agent. */
import type { TaskId } from "@samovar/base";
import { branchName, type AgentKind, type CreateTask, type TaskView, type VmSize } from "@samovar/contracts";

export interface TaskOptions {
  readonly agent: AgentKind | null;
  readonly model: string | null;
  readonly permissionMode: string | null;
  readonly vmSize: VmSize | null;
  /** 0 none, 1 urgent … 4 low. */
  readonly priority: number;
  /** As it is typed. */
  readonly baseBranch: string;
  readonly dependsOn: readonly TaskId[];
}

export const noOptions: TaskOptions = {
  agent: null,
  model: null,
  permissionMode: null,
  vmSize: null,
  priority: 0,
  baseBranch: "",
  dependsOn: [],
};

export const SIZES: Readonly<Record<VmSize, string>> = { small: "Small", medium: "Medium", large: "Large" };

/** Models and modes are an agent's own: another agent does not know them. */
export const withAgent = (options: TaskOptions, agent: AgentKind | null): TaskOptions =>
  agent === options.agent ? options : { ...options, agent, model: null, permissionMode: null };

export const countChanged = (options: TaskOptions): number =>
  [
    options.agent !== null,
    options.model !== null,
    options.permissionMode !== null,
    options.vmSize !== null,
    options.priority !== 0,
    options.baseBranch.trim() !== "",
    options.dependsOn.length > 0,
  ].filter(Boolean).length;

export const toOptions = (task: TaskView): TaskOptions => ({
  agent: task.agent,
  model: task.model,
  permissionMode: task.permissionMode,
  vmSize: task.vmSize,
  priority: task.priority,
  baseBranch: task.baseBranch ?? "",
  dependsOn: task.dependsOn,
});

/** As a request names them. */
export function toFields(options: TaskOptions) {
  const { baseBranch, dependsOn, ...rest } = options;
  const branch = baseBranch.trim();
  return {
    ...rest,
    baseBranch: branch === "" ? null : branch,
    dependsOn: [...dependsOn],
  } satisfies Partial<CreateTask>;
}

export function findBranchFault(baseBranch: string): string | null {
  const branch = baseBranch.trim();
  return branch === "" || branchName.safeParse(branch).success ? null : "Not a valid branch name.";
}
