/** How soon the control plane answers `GET /api/health`, asked by a process of its own. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as z from "zod";

const PROBE = join(import.meta.dirname, "health-probe.ts");
const EVERY_MS = 50;

const healthReport = z.object({
  /** From the request to the end of its answer, of each that was answered. */
  answeredMs: z.array(z.number()),
  /** How late each request was sent: what this machine made the asking process wait. */
  lateMs: z.array(z.number()),
  /** Beats at which nothing was asked, because a second's worth of requests was not answered yet. */
  skipped: z.number(),
  failures: z.array(z.string()),
});
export type HealthReport = z.infer<typeof healthReport>;

export interface HealthProbe {
  /** Waits for the answers that are still open. */
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
