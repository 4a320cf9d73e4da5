/** The coding agents that a task can ask for. */
import * as z from "zod";

export const AGENT_KINDS = ["script", "claude"] as const;
export const agentKind = z.enum(AGENT_KINDS);
export type AgentKind = z.infer<typeof agentKind>;

/** What the control plane tells people of an agent (`GET /api/agents`). */
export const agentView = z.object({
  kind: agentKind,
  name: z.string(),
  description: z.string(),
  /** Whether a task with this agent can run now. */
  usable: z.boolean(),
  /** What to do when it is not usable; null when it is. */
  hint: z.string().nullable(),
});
export type AgentView = z.infer<typeof agentView>;
