/** The agents that come with Samovar: what each is, needs, and how a node gets it. Add a row to add an agent, and after a change of a package run `node scripts/lock-agents.ts`. */
import type { AgentRecipe, BuiltInAgent, CredentialKind, StartingFile } from "@samovar/contracts";
import lockfiles from "./agent-lockfiles.json" with { type: "json" };

export interface AgentEntry {
  readonly description: string;
  /** The credential that it needs; null for none. */
  readonly credential: CredentialKind | null;
  /** What to do when that is missing. */
  readonly hint: string;
  readonly recipe: AgentRecipe;
  /** What differs where the project lets agents use the repository's settings. */
  readonly withRepositorySettings?: Partial<Pick<AgentRecipe, "env" | "homeFiles">>;
}

/** Agents' settings come from here alone: a repository's own could start programs or lead an agent to another model. */
const OPENCODE_CONFIG = {
  provider: { openai: { options: { baseURL: "{gateway.url}/v1", apiKey: "{gateway.key}" } } },
  enabled_providers: ["openai"],
  instructions: ["{checkout}/AGENTS.md"],
  share: "disabled",
  autoupdate: false,
};

/** Without the repository's settings Claude Code skips its `CLAUDE.md` too; the user's memory imports it again. A missing file imports nothing. */
const CLAUDE_MEMORY = "@{checkout}/CLAUDE.md\n@{checkout}/.claude/CLAUDE.md\n";

const CODEX_CONFIG = {
  model_provider: "gateway",
  model_providers: {
    gateway: { name: "OpenAI", base_url: "{gateway.url}/v1", env_key: "OPENAI_API_KEY", wire_api: "responses" },
  },
  analytics: { enabled: false },
  check_for_update_on_startup: false,
};

/** How JSON and TOML write a letter in another way. */
const ESCAPES = ["\\u"];
const OPENCODE_WORDS = ["plugin", "reference", ...ESCAPES];

/** OpenCode imports a repository's plugins and fetches its references also when it is set to ignore its settings. */
const OPENCODE_STARTS: StartingFile[] = [
  ...["plugin", "plugins"].map((name) => ({ path: `.opencode/${name}`, words: null })),
  ...["opencode.json", "opencode.jsonc", ".opencode/opencode.json", ".opencode/opencode.jsonc"].map((path) => ({
    path,
    words: OPENCODE_WORDS,
  })),
];

/** Codex's adapter trusts every folder that it is started in, and so starts the repository's MCP servers. */
const CODEX_STARTS: StartingFile[] = [
  { path: ".codex/config.toml", words: ["mcp", "plugin", "notify", "hook", ...ESCAPES] },
  { path: ".codex/hooks.json", words: null },
];

/** A repository's `.env` sets only what is not set; and whichever API its settings choose, its address is the gateway. */
const GEMINI_TRUST = {
  GEMINI_CLI_TRUST_WORKSPACE: "true",
  GOOGLE_API_KEY: "{gateway.key}",
  GOOGLE_GENAI_USE_VERTEXAI: "false",
  GOOGLE_VERTEX_BASE_URL: "{gateway.url}",
  CODE_ASSIST_ENDPOINT: "{gateway.url}",
  NO_PROXY: "localhost,127.0.0.1,::1",
  no_proxy: "localhost,127.0.0.1,::1",
};

export const AGENTS: Readonly<Record<BuiltInAgent, AgentEntry>> = {
  script: {
    description: "Runs the steps written in the task's text. It has no model and needs no key.",
    credential: null,
    hint: "",
    recipe: {
      kind: "script",
      name: "Script",
      program: { from: "vm_agent" },
      env: {},
      gateway: null,
      secretEnv: false,
      startsEarly: true,
      homeFiles: {},
    },
  },
  claude: {
    description: "Anthropic's coding agent.",
    credential: "anthropic",
    hint: "Store an Anthropic credential: an API key, an OAuth token or a base URL.",
    recipe: {
      kind: "claude",
      name: "Claude Code",
      program: {
        from: "npm",
        package: {
          name: "@agentclientprotocol/claude-agent-acp",
          version: "0.100.0",
          bin: "claude-agent-acp",
          versionArgs: ["--version"],
          lockfiles: lockfiles.claude,
        },
        args: [],
      },
      env: {
        ANTHROPIC_BASE_URL: "{gateway.url}",
        ANTHROPIC_API_KEY: "{gateway.key}",
        CLAUDE_CONFIG_DIR: "{home}/.claude",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        // No settings change the model's provider, address or key.
        CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST: "1",
      },
      gateway: "anthropic",
      secretEnv: false,
      // Its adapter starts Claude Code with the session, in the session's directory.
      startsEarly: true,
      homeFiles: { ".claude/CLAUDE.md": CLAUDE_MEMORY },
    },
    // It reads the repository's `CLAUDE.md` itself.
    withRepositorySettings: { homeFiles: {} },
  },
  opencode: {
    description: "The open-source coding agent, here with OpenAI's models.",
    credential: "openai",
    hint: "Store an OpenAI credential: an API key, or the base URL of a server that speaks its API.",
    recipe: {
      kind: "opencode",
      name: "OpenCode",
      program: {
        from: "npm",
        package: {
          name: "opencode-ai",
          version: "1.18.33",
          bin: "opencode",
          versionArgs: ["--version"],
          lockfiles: lockfiles.opencode,
          // For x64 those that every processor can run.
          platforms: {
            "linux-x64": "opencode-linux-x64-baseline",
            "linux-x64-musl": "opencode-linux-x64-baseline-musl",
            "linux-arm64": "opencode-linux-arm64",
            "linux-arm64-musl": "opencode-linux-arm64-musl",
            "darwin-x64": "opencode-darwin-x64-baseline",
            "darwin-arm64": "opencode-darwin-arm64",
          },
        },
        args: ["acp"],
      },
      env: {
        OPENCODE_CONFIG_CONTENT: JSON.stringify(OPENCODE_CONFIG),
        OPENCODE_DISABLE_PROJECT_CONFIG: "1",
        OPENCODE_DISABLE_MODELS_FETCH: "1",
        OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
      },
      gateway: "openai",
      secretEnv: false,
      startsEarly: false,
      homeFiles: {},
      startingFiles: OPENCODE_STARTS,
    },
    withRepositorySettings: { env: { OPENCODE_DISABLE_PROJECT_CONFIG: "false" } },
  },
  gemini: {
    description: "Google's coding agent.",
    credential: "google",
    hint: "Store a Google credential: an API key of the Gemini API, or a base URL.",
    recipe: {
      kind: "gemini",
      name: "Gemini CLI",
      program: {
        from: "npm",
        package: {
          name: "@google/gemini-cli",
          version: "0.61.0",
          bin: "gemini",
          versionArgs: ["--version"],
          lockfiles: lockfiles.gemini,
        },
        args: ["--acp"],
      },
      env: {
        GOOGLE_GEMINI_BASE_URL: "{gateway.url}",
        GEMINI_API_KEY: "{gateway.key}",
        GEMINI_CLI_NO_RELAUNCH: "true",
        GEMINI_TELEMETRY_ENABLED: "false",
        GEMINI_CLI_TRUST_WORKSPACE: "false",
      },
      gateway: "google",
      secretEnv: false,
      startsEarly: false,
      homeFiles: {},
    },
    withRepositorySettings: { env: GEMINI_TRUST },
  },
  codex: {
    description: "OpenAI's coding agent.",
    credential: "openai",
    hint: "Store an OpenAI credential: an API key, or the base URL of a server that speaks the Responses API.",
    recipe: {
      kind: "codex",
      name: "Codex",
      program: {
        from: "npm",
        package: {
          name: "@agentclientprotocol/codex-acp",
          version: "2.6.0",
          bin: "codex-acp",
          versionArgs: ["--version"],
          lockfiles: lockfiles.codex,
        },
        args: [],
      },
      env: {
        CODEX_CONFIG: JSON.stringify(CODEX_CONFIG),
        OPENAI_API_KEY: "{gateway.key}",
        // Its workspace is its sandbox.
        INITIAL_AGENT_MODE: "agent-full-access",
        NO_BROWSER: "1",
      },
      gateway: "openai",
      secretEnv: false,
      startsEarly: false,
      homeFiles: {},
      startingFiles: CODEX_STARTS,
    },
  },
};

/** The recipe for a project that lets its agents use the repository's settings. */
export function withRepositorySettings(recipe: AgentRecipe): AgentRecipe {
  const change = findBuiltInAgent(recipe.kind)?.withRepositorySettings ?? {};
  const env = { ...recipe.env, ...change.env };
  return { ...recipe, ...change, env, repositorySettings: "used", startingFiles: [] };
}

/** Null for an agent that does not come with Samovar. */
export function findBuiltInAgent(kind: string): AgentEntry | null {
  return Object.entries(AGENTS).find(([name]) => name === kind)?.[1] ?? null;
}
