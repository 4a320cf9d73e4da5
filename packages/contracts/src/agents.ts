/** The coding agents that a task can use: which exist, what each one needs, and how a node installs and starts it. */
import * as z from "zod";
import { credentialKind } from "./credentials.ts";
import { environmentName, MAX_SECRET_VARIABLES, variables } from "./environment-name.ts";
import { slug } from "./slug.ts";

/** The agents included in Samovar; people add others with an {@link agentDefinition}. */
export const BUILT_IN_AGENTS = ["script", "claude", "opencode", "gemini", "codex"] as const;
export type BuiltInAgent = (typeof BUILT_IN_AGENTS)[number];

/** A built-in agent's name, or that of an {@link agentDefinition}. */
export const agentKind = slug;
export type AgentKind = z.infer<typeof agentKind>;

/** The model APIs that a session's loopback gateway can front. */
export const modelApi = z.enum(["anthropic", "openai", "google"]);
export type ModelApi = z.infer<typeof modelApi>;

export const REPOSITORY_SETTINGS = ["ignored", "used"] as const;

/**
 * Whether an agent uses its settings in the repository: hooks, MCP servers, permissions, plugins. `ignored`: of the repository
 * it reads the instructions (`AGENTS.md`, `CLAUDE.md`, `GEMINI.md`) alone. In both, the model's address and key are Samovar's.
 */
export const repositorySettings = z.enum(REPOSITORY_SETTINGS);
export type RepositorySettings = z.infer<typeof repositorySettings>;

const argument = z.string().max(4000);
const environment = variables(z.string().max(16_000), 50);

const packageName = z
  .string()
  .max(200)
  .regex(/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/, "not the name of an npm package");

/** A package of the npm registry, pinned; `bin` is one of the programs that it brings. */
export const agentPackage = z.object({
  name: packageName,
  version: z
    .string()
    .max(100)
    .regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/, "pin an exact version, such as 1.2.3"),
  bin: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "not the name of a program"),
  /**
   * Where the program itself comes in a package for each platform, of the same version: that package by Node's names
   * of platform and architecture, such as `linux-x64` (with `-musl` where that is the C library).
   */
  platforms: z
    .record(z.string().regex(/^[a-z0-9]+-[a-z0-9]+(-musl)?$/, "not a platform, such as linux-x64"), packageName)
    .optional(),
  /**
   * By package name, the SHA-256 of the lockfile that Samovar ships for it and serves to nodes. A package without one is
   * installed without a lockfile the first time.
   */
  lockfiles: z.record(packageName, z.string().regex(/^[0-9a-f]{64}$/, "not a SHA-256")).optional(),
  /** Arguments that print the program's version. Run after an installation to check that the program works on the node. */
  versionArgs: z.array(argument).max(10).optional(),
});
export type AgentPackage = z.infer<typeof agentPackage>;

export const agentProgram = z.discriminatedUnion("from", [
  /** Part of the vm-agent itself. */
  z.object({ from: z.literal("vm_agent") }),
  /** Installed on first use. */
  z.object({ from: z.literal("npm"), package: agentPackage, args: z.array(argument).max(50) }),
  /** A program on the node: an absolute path, or a name to find on PATH. */
  z.object({ from: z.literal("path"), command: z.string().trim().min(1).max(1000), args: z.array(argument).max(50) }),
]);
export type AgentProgram = z.infer<typeof agentProgram>;

/** Relative, without `.` and `..`. */
const homePath = z
  .string()
  .max(200)
  .regex(/^(?!\.{1,2}(\/|$))[\w.-]+(\/(?!\.{1,2}(\/|$))[\w.-]+)*$/, "not a path inside the home directory");

/** `path`: relative to the checkout. `words`: a file with one of these counts, in any case; null: what exists, a directory with entries. */
export const startingFile = z.object({ path: homePath, words: z.array(z.string().min(1).max(100)).nullable() });
export type StartingFile = z.infer<typeof startingFile>;

/**
 * Everything that a node needs to install and start an agent: nodes keep no list of agents. In the values of `env`,
 * `{gateway.url}`, `{gateway.key}`, `{home}`, `{checkout}` and `{model}` are filled in by the session host; a variable
 * with a placeholder that has no value is left out.
 */
export const agentRecipe = z.object({
  kind: agentKind,
  name: z.string().max(100),
  program: agentProgram,
  /** Not secret. */
  env: environment,
  /** Which model API the loopback gateway fronts; null for an agent that needs none. */
  gateway: modelApi.nullable(),
  /** Whether the owner's secret variables for this agent are fetched and put into its environment. */
  secretEnv: z.boolean(),
  /**
   * Whether its process may be started before its task is known: until its session is opened it reads neither its working
   * directory nor its credential.
   */
  startsEarly: z.boolean().default(false),
  /** Text files by their path in the session's home, written before anything of the repository runs. `{checkout}` is filled in. */
  homeFiles: z.record(homePath, z.string().max(16_000)).default({}),
  /** Whether it uses the repository's settings; absent: ignored. What the agent needs for that besides is in the other fields. */
  repositorySettings: repositorySettings.optional(),
  /** Files of the repository that start programs whatever the agent's settings are; it does not start beside one. */
  startingFiles: z.array(startingFile).max(20).optional(),
});
export type AgentRecipe = z.infer<typeof agentRecipe>;

/**
 * An agent that a person adds: any program that speaks ACP over its standard input and output. It reaches its model
 * through the gateway or holds secret variables, not both.
 */
export const agentDefinition = z
  .object({
    kind: agentKind.refine(
      (kind) => !BUILT_IN_AGENTS.some((known) => known === kind),
      "this name belongs to a built-in agent",
    ),
    name: z.string().trim().min(1).max(100),
    description: z.string().trim().max(500).default(""),
    program: agentProgram
      .refine(({ from }) => from !== "vm_agent", "an added agent is an npm package or a program")
      .refine(
        (program) => program.from !== "npm" || program.package.lockfiles === undefined,
        "only built-in agents have lockfiles",
      ),
    env: environment.default({}),
    /** Secret variables that it needs; their values are stored as the credential `agent:<kind>`. */
    secretEnv: z.array(environmentName).max(MAX_SECRET_VARIABLES).default([]),
    /** Set when it reaches its model through the gateway instead of holding the key itself. */
    gateway: modelApi.nullable().default(null),
  })
  .refine(({ gateway, secretEnv }) => gateway === null || secretEnv.length === 0, {
    path: ["secretEnv"],
    error: "an agent has a gateway or secret variables, not both",
  })
  .refine(({ env, secretEnv }) => secretEnv.every((name) => !Object.hasOwn(env, name)), {
    path: ["secretEnv"],
    error: "a variable cannot be both secret and not secret",
  });
export type AgentDefinition = z.infer<typeof agentDefinition>;

/** A model or a permission mode, as an agent offers it. */
export const agentOption = z.object({
  id: z.string().max(200),
  name: z.string().max(200),
  description: z.string().max(1000).nullable(),
});
export type AgentOption = z.infer<typeof agentOption>;

/** The models and permission modes that an agent reported when it opened a session; empty where it offers no choice. */
export const agentCapabilities = z.object({
  models: z.array(agentOption).max(200),
  modes: z.array(agentOption).max(50),
});
export type AgentCapabilities = z.infer<typeof agentCapabilities>;

/** An agent as people see it (`GET /api/agents`). */
export const agentView = z.object({
  kind: agentKind,
  name: z.string(),
  description: z.string(),
  builtIn: z.boolean(),
  /** Whether a task with this agent can run now. */
  usable: z.boolean(),
  /** What to do when it is not usable; null when it is. */
  hint: z.string().nullable(),
  /** The credential that it needs, if any. */
  credential: credentialKind.nullable(),
  /** Names of the secret variables that its credential is made of; empty for a built-in agent. */
  secretEnv: z.array(z.string()),
  program: agentProgram,
  /** As reported in its last session; null before the first. */
  capabilities: agentCapabilities.nullable(),
});
export type AgentView = z.infer<typeof agentView>;

/** One agent with its owner's definition (`GET /api/agents/:kind`); null for a built-in one. */
export const agentDetail = agentView.extend({ definition: agentDefinition.nullable() });
export type AgentDetail = z.infer<typeof agentDetail>;
