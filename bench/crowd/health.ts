/** Measures the response time of `GET /api/health` from a separate process. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as z from "zod";

const PROBE = join(import.meta.dirname, "health-probe.ts");
const EVERY_MS = 50;

const healthReport = z.object({
  /** From the request to the end of its response, for each answered request. */
  answeredMs: z.array(z.number()),
  /** How late each request was sent because the probe process had to wait for a core. */
  lateMs: z.array(z.number()),
  /** Skipped requests, because a second's worth of requests was unanswered. */
  skipped: z.number(),
  failures: z.array(z.string()),
});
export type HealthReport = z.infer<typeof healthReport>;

export interface HealthProbe {
  /** Waits for pending responses. */
  stop(): Promise<HealthReport>;
}

export function startHealthProbe(url: string): HealthProbe {
  const child = spawn(process.execPath, [PROBE, `${url}/api/health`, String(EVERY_MS)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const printed = text(child.stdout);
  return {
    async stop() {
      child.stdin.end();
      return healthReport.parse(JSON.parse(await printed));
    },
  };
}
