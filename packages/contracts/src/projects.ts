/** Projects: a repository, its defaults, its sessions and tasks. */
import { hasHiddenCharacter, isLoopbackHost } from "@samovar/base";
import * as z from "zod";
import { agentKind, repositorySettings } from "./agents.ts";
import { egressHost, egressPolicy } from "./egress.ts";
import { millis, projectId } from "./ids.ts";

export const VM_SIZES = ["small", "medium", "large"] as const;
export const vmSize = z.enum(VM_SIZES);
export type VmSize = z.infer<typeof vmSize>;

/**
 * https or ssh addresses, or (where the installation allows it) an absolute local path or http on loopback.
 * No user info, no transport helpers, nothing that git could read as an option, or as another host than we do.
 */
export const repoUrl = z
  .string()
  .trim()
  .min(1, "give the address of a git repository")
  .max(2000)
  .refine((value) => !hasHiddenCharacter(value), "the address has hidden characters; type it again")
  .refine(isRepoUrl, "use an https:// address, git@host:path, ssh://…, or an absolute path");

function isRepoUrl(value: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u0020\u007f]/.test(value) && !value.startsWith("/")) return false;
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (value.startsWith("/")) return !/[\u0000-\u001f]/.test(value);
  if (/^git@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9._~/-]+$/.test(value)) return true;
  // Git decodes an encoded host, and reads a backslash or a fragment in its own way.
  if (!/^(https?|ssh):\/\/[^/%]+(\/|$)/.test(value) || /[\\#]/.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  if (hostname === "" || hostname.startsWith("-")) return false;
  if (protocol === "http:" && !isLoopbackHost(hostname)) return false;
  return password === "" && (username === "" || (protocol === "ssh:" && username === "git"));
}

/** A branch or ref name in a strict pattern; git checks it again where it is used. */
export const branchName = z
  .string()
  .min(1)
  .max(200)
  .regex(
    /^(?!HEAD$)(?!refs\/)(?!.*\.\.)(?!.*\/[/.])(?!.*\.lock\/)[A-Za-z0-9][A-Za-z0-9._/+-]*(?<![./])(?<!\.lock)$/,
    "not a usable branch name",
  );

/** Git features that a project must enable, because each lets the repository run or fetch more. */
export const checkoutOptions = z.object({
  submodules: z.boolean(),
  /** Git LFS objects, and with them the filters that the repository names for LFS. */
  lfs: z.boolean(),
  /** The repository's hooks at commit and push. */
  hooks: z.boolean(),
});
export type CheckoutOptions = z.infer<typeof checkoutOptions>;
export const PLAIN_CHECKOUT: CheckoutOptions = { submodules: false, lfs: false, hooks: false };

// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const oneLine = /^[^\u0000-\u001f<>]+$/;
/** The author of commits that Samovar makes. */
export const commitIdentity = z.object({
  name: z.string().trim().min(1).max(100).regex(oneLine, "one line, without < and >"),
  email: z.string().trim().min(3).max(200).regex(oneLine, "one line, without < and >"),
});
export type CommitIdentity = z.infer<typeof commitIdentity>;

/** Runtimes that are a boundary between a workspace and its node, so that a project may demand one. */
export const DEMANDED_RUNTIMES = ["sandbox", "docker"] as const;
export const demandedRuntime = z.enum(DEMANDED_RUNTIMES);
export type DemandedRuntime = z.infer<typeof demandedRuntime>;

/** Tasks by what they need from a person. */
export const projectCounts = z.object({
  /** Queued, starting or running. */
  running: z.number().int().nonnegative(),
  /** Failed, neither retried nor acknowledged; or waiting for a failed task. */
  attention: z.number().int().nonnegative(),
});
export type ProjectCounts = z.infer<typeof projectCounts>;

export const projectView = z.object({
  id: projectId,
  name: z.string(),
  repoUrl: z.string(),
  /** Null: the repository's own default branch. */
  baseBranch: z.string().nullable(),
  defaultVmSize: vmSize.nullable(),
  defaultAgent: agentKind.nullable(),
  checkout: checkoutOptions,
  /** Null: the installation's. */
  commitIdentity: commitIdentity.nullable(),
  egress: egressPolicy,
  repositorySettings,
  /** Tasks run in this runtime or not at all; null: in the node's. */
  runtime: demandedRuntime.nullable(),
  counts: projectCounts,
  /** When one of its tasks last changed; null while it has none. */
  lastActivityAt: millis.nullable(),
  createdAt: millis,
  updatedAt: millis,
  archivedAt: millis.nullable(),
});
export type ProjectView = z.infer<typeof projectView>;

export const createProject = z.object({
  name: z.string().trim().min(1, "give the project a name").max(100),
  repoUrl,
  baseBranch: branchName.nullable().optional(),
  defaultVmSize: vmSize.nullable().optional(),
  defaultAgent: agentKind.nullable().optional(),
  checkout: checkoutOptions.optional(),
  commitIdentity: commitIdentity.nullable().optional(),
  egress: egressPolicy.optional(),
  repositorySettings: repositorySettings.optional(),
  runtime: demandedRuntime.nullable().optional(),
});
export type CreateProject = z.infer<typeof createProject>;

export const patchProject = createProject.partial().extend({ archived: z.boolean().optional() });
export type PatchProject = z.infer<typeof patchProject>;

/** Adds one host to a project's egress policy. */
export const allowEgressHost = z.object({ host: egressHost });
export type AllowEgressHost = z.infer<typeof allowEgressHost>;
