/** What each kind of credential asks for, and how its fields become the secret that is sent. Pure. */
import type { AgentView, CredentialKind, CredentialSecret } from "@samovar/contracts";

export interface CredentialField {
  readonly name: string;
  readonly label: string;
  readonly secret: boolean;
  readonly hint?: string;
}

export interface CredentialForm {
  readonly kind: CredentialKind;
  readonly title: string;
  readonly about: string;
  readonly fields: readonly CredentialField[];
}

const apiKey: CredentialField = { name: "apiKey", label: "API key", secret: true };
const baseUrl: CredentialField = {
  name: "baseUrl",
  label: "Base URL",
  secret: false,
  hint: "Only for a gateway or another provider with the same API.",
};
const token: CredentialField = { name: "token", label: "Token", secret: true };

const FORMS: Readonly<Record<string, Omit<CredentialForm, "kind">>> = {
  hetzner: {
    title: "Hetzner Cloud",
    about: "Creates nodes. Use a project token with read and write access.",
    fields: [token],
  },
  digitalocean: {
    title: "DigitalOcean",
    about:
      "Creates nodes. Use a token with full access, or with the scopes of droplet, tag and firewall, and sizes:read.",
    fields: [token],
  },
  anthropic: {
    title: "Anthropic",
    about: "For Claude Code.",
    fields: [apiKey, { name: "oauthToken", label: "Or an OAuth token", secret: true }, baseUrl],
  },
  openai: { title: "OpenAI", about: "For Codex and OpenCode.", fields: [apiKey, baseUrl] },
  google: { title: "Google", about: "For Gemini CLI.", fields: [apiKey, baseUrl] },
  github: {
    title: "GitHub",
    about:
      "Clones and pushes over https, and opens pull requests. Use a fine-grained token with access to contents and pull requests.",
    fields: [token],
  },
};

/** For `agent:x` the fields are the variables that the agent named as its secrets. */
export function getCredentialForm(kind: CredentialKind, agents: readonly AgentView[]): CredentialForm {
  const known = FORMS[kind];
  if (known !== undefined) return { kind, ...known };
  const agent = agents.find((each) => each.credential === kind);
  return {
    kind,
    title: agent?.name ?? kind.slice("agent:".length),
    about: "Secret variables for this agent's environment.",
    fields: (agent?.secretEnv ?? []).map((name) => ({ name, label: name, secret: true })),
  };
}

/** As it was typed, without the empty fields; the server's schema is the judge of it. */
export function toSecret({ kind, fields }: CredentialForm, data: Pick<FormData, "get">): CredentialSecret {
  const filled: Readonly<Record<string, string>> = Object.fromEntries(
    fields.flatMap(({ name }) => {
      const value = String(data.get(name) ?? "").trim();
      return value === "" ? [] : [[name, value]];
    }),
  );
  switch (kind) {
    case "anthropic":
    case "openai":
    case "google":
      return { kind, ...filled };
    case "hetzner":
    case "digitalocean":
    case "github":
      return { kind, token: filled["token"] ?? "" };
    default:
      return { kind: "agent", agent: kind.slice("agent:".length), env: filled };
  }
}
