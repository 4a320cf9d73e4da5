/**
 * Asks an address again and again, at a steady pace, until its input ends; then prints a {@link HealthReport} as JSON. A process of its own, so that it waits for nothing that the measurement does.
 */
import { Agent, get } from "node:http";
import { setTimeout } from "node:timers/promises";
import type { HealthReport } from "./health.ts";

const ANSWER_TIMEOUT_MS = 120_000;
/** With so many unanswered a beat is left out: more would only add to what holds up the answers. */
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
// More than a pipe holds at once: it has to be read before this process may end.
process.stdout.write(JSON.stringify(report), () => process.exit());

/** A beat that was missed, because this process had no core, is left out and not caught up. */
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
  const failure = await answerOf();
  if (failure === null) answeredMs.push(performance.now() - askedAt);
  else failures.push(failure);
}

/** Null, or what went wrong. */
function answerOf(): Promise<string | null> {
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
