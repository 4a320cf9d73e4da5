/** ProjectData: one object a project, named by the project's id. Wiring and RPC only. Keeps M1, M2, M3. */
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../../env.ts";

export class ProjectData extends DurableObject<Env> {}
