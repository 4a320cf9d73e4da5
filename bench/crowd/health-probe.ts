/**
 * Requests an address at a steady rate until its input ends, then prints a {@link HealthReport} as JSON. A separate process, so that the measurement does not delay it.
 */
import { Agent, get } from "node:http";
import { setTimeout } from "node:timers/promises";
import type { HealthReport } from "./health.ts";

const ANSWER_TIMEOUT_MS = 120_000;
/** Skips a request while this many are unanswered: more would only add to the load. */
const MOST_OPEN = 20;

const [url = "", pace = ""] = process.argv.slice(2);
const everyMs = Number(pace);
const agent = new Agent({ keepAlive: true });
const answeredMs: number[] = [];
const lateMs: number[] = [];
const failures: string[] = [];
let skipped = 0;
const open = new Set<Promise<void>>();
const stopping = new AbortController();

process.stdin.resume().once("end", () => stopping.abort());
await askAtPace();
await Promise.all(open);
const report: HealthReport = { answeredMs, lateMs, skipped, failures };
// The report may be larger than the pipe's buffer: wait until it is read before exiting.
process.stdout.write(JSON.stringify(report), () => process.exit());

/** Skips requests that were missed because this process had no core. */
async function askAtPace(): Promise<void> {
  for (let dueAt = performance.now(); !stopping.signal.aborted;) {
    const now = performance.now();
    lateMs.push(Math.max(0, now - dueAt));
    if (open.size >= MOST_OPEN) skipped++;
    else {
      const asked = ask(now).finally(() => open.delete(asked));
      open.add(asked);
    }
    dueAt += everyMs * (1 + Math.floor((now - dueAt) / everyMs));
    await setTimeout(Math.max(0, dueAt - performance.now()));
  }
}

async function ask(askedAt: number): Promise<void> {
  const failure = await getAnswer();
  if (failure === null) answeredMs.push(performance.now() - askedAt);
  else failures.push(failure);
}

/** Null, or the error. */
function getAnswer(): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get(url, { agent, timeout: ANSWER_TIMEOUT_MS }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode === 200 ? null : `status ${response.statusCode}`));
      response.once("error", (error) => resolve(error.message));
    });
    request.once("timeout", () => request.destroy(new Error(`no answer in ${ANSWER_TIMEOUT_MS} ms`)));
    request.once("error", (error) => resolve(error.message));
  });
}
