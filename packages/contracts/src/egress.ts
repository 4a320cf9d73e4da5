/** Egress: which hosts a project's workspaces may connect to. Enforced on the node, outside the workspace's sandbox. */
import * as z from "zod";

export const EGRESS_MODES = ["open", "allow-list", "none"] as const;
export const egressMode = z.enum(EGRESS_MODES);
export type EgressMode = z.infer<typeof egressMode>;

/** A host name in lower case, or an IP address; `*.name` stands for all names below it. A port narrows it to that one. */
export const egressHost = z
  .string()
  .trim()
  .toLowerCase()
  .min(1)
  .max(260)
  .regex(
    /^(?:\[[0-9a-f:.]{2,45}\]|(?:\*\.)?(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*)(?::[1-9][0-9]{0,4})?$/,
    "use a host name such as registry.example.com, *.example.com or registry.example.com:8443",
  );

/** Of one project. */
export const MAX_EGRESS_HOSTS = 200;

export const egressPolicy = z.object({
  mode: egressMode,
  /** `allow-list`: allowed besides the defaults. `open`: hosts of private networks that may be reached. `none`: unused. */
  hosts: z.array(egressHost).max(MAX_EGRESS_HOSTS),
});
export type EgressPolicy = z.infer<typeof egressPolicy>;

/** All public hosts, and no private network. */
export const OPEN_EGRESS: EgressPolicy = { mode: "open", hosts: [] };
