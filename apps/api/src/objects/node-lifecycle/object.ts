/** NodeLifecycle: one object a node, named by the node's id. Wiring and RPC only. Keeps N1, N2. */
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../../env.ts";

export class NodeLifecycle extends DurableObject<Env> {}
