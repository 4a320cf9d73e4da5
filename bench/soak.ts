/**
 * Hundreds of tasks in a row, with random cancels, and kills of agents, hosts, daemons and the control plane:
 * `npm run bench -- soak --tasks 500 --minutes 20 --seed 1`. Prints memory and open files each minute; at the end no task
 * may be stuck, no transcript unverified, and nothing left behind.
 */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { ProjectView, TaskView } from "@samovar/contracts";
import { seededRandom } from "@samovar/testing";
import { type ControlPlanePart, killAndRestart, tryKill } from "../tests/harness/control-plane.ts";
import { type Installation, removeDirectory, startInstallation } from "../tests/harness/installation.ts";
import { hasEnded, Person } from "../tests/harness/person.ts";
import { isAlive, listProcesses } from "../tests/harness/processes.ts";
import {
  clearedFaults,
  leftOnMachine,
  lockFaults,
  terminalFaults,
  transcriptFaults,
} from "../tests/harness/promises.ts";
import { makeRemote } from "../tests/harness/repository.ts";
import { crash, say, script, sh, stream, write } from "../tests/harness/scripts.ts";
import { openFiles, type ProcessKind, readUsage } from "./machine.ts";
import { printRows } from "./table.ts";

const MEBIBYTE = 1024 * 1024;
const AT_A_TIME = 8;
const STUCK_AFTER_MS = 240_000;
/** After this, the control plane is not killed any more, so that its memory can be observed. */
const CONTROL_PLANE_DIES_UNTIL = 0.35;
/** Short enough that workspaces, nodes and sweeps come and go many times. */
const ENV = {
  WORKSPACE_RETENTION_MS: "15000",
  SWEEP_CRON: "*/10 * * * * *",
  NODE_WARM_TIMEOUT_MS: "20000",
  NODE_DRAIN_AFTER_MS: "180000",
  MAX_NODES_PER_USER: "6",
};

interface Sample {
  readonly minute: number;
  readonly kind: ProcessKind;
  readonly pid: number;
  readonly mebibytes: number;
  readonly files: number;
}

/** True when nothing was stuck and nothing is left. */
export async function soak(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tasks: { type: "string", default: "500" },
      minutes: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
    },
  });
  const run = new Soak(Number(values.tasks), Number(values.minutes) * 60_000, Number(values.seed));
  console.log(`soak: ${values.tasks} tasks in ${values.minutes} minutes, seed ${values.seed}`);
  return run.whole();
}

class Soak {
  readonly #tasks: number;
  readonly #durationMs: number;
  readonly #random: { next(): number };
  readonly #submitted: TaskView[] = [];
  readonly #kills = new Map<string, number>();
  readonly #samples: Sample[] = [];
  readonly #person = new Person(() => this.#installation());
  #here: Installation | null = null;
  #beganAt = 0;
  #inFlight = 0;
  #cancels = 0;
  #over = false;

  constructor(tasks: number, durationMs: number, seed: number) {
    this.#tasks = tasks;
    this.#durationMs = durationMs;
    this.#random = seededRandom(seed);
  }

  async whole(): Promise<boolean> {
    this.#here = await startInstallation({ env: ENV });
    const { dataDir } = this.#here;
    const project = await this.#person.makeProject(makeRemote(join(dataDir, "remote.git")));
    this.#beganAt = Date.now();
    const beside = Promise.all([this.#killNowAndThen(), this.#tellEachMinute()]);
    await this.#submitAll(project);
    this.#over = true;
    await beside;
    const faults = await this.#faults(project);
    this.#report(await this.#person.tasks(project));
    await this.#installation().stop();
    const left = [...(await this.#processesLeft(dataDir)), ...lockFaults(dataDir)];
    const all = [...faults, ...left];
    console.log(all.length === 0 ? "\nnothing stuck, every transcript verified, nothing left" : `\n${all.join("\n")}`);
    if (all.length === 0) await removeDirectory(dataDir);
    else console.log(`the installation's files are in ${dataDir}`);
    return all.length === 0;
  }

  /** Submits evenly over the time, several at once. */
  async #submitAll(project: ProjectView): Promise<void> {
    const all: Promise<void>[] = [];
    for (let n = 0; n < this.#tasks; n++) {
      const dueAt = this.#beganAt + (n / this.#tasks) * this.#durationMs;
      while (Date.now() < dueAt || this.#inFlight >= AT_A_TIME) await setTimeout(50);
      this.#inFlight++;
      all.push(this.#one(project, n).finally(() => this.#inFlight--));
    }
    await Promise.all(all);
  }

  async #one(project: ProjectView, n: number): Promise<void> {
    const cancelAfterMs = this.#chance(0.15) ? this.#upTo(4000) : null;
    const task = await this.#person.submit(project, { description: this.#work(n), run: true, agent: "script" });
    this.#submitted.push(task);
    if (cancelAfterMs !== null) {
      await setTimeout(cancelAfterMs);
      if (!hasEnded(await this.#person.task(task))) {
        this.#cancels++;
        await this.#person.act(task, "cancel").catch(() => {
          // The task has ended meanwhile.
        });
      }
    }
    await this.#person.until(task, hasEnded, STUCK_AFTER_MS).catch(() => {
      // Reported at the end: the task is stuck.
    });
  }

  #work(n: number): string {
    const end = this.#chance(0.05) ? crash("the kettle fell") : write(`task-${n}.txt`, String(n));
    const steps = [say("Begun."), stream(this.#upTo(600) + 1, 1), sh(`sleep ${this.#upTo(2000) / 1000}`), end];
    return script(`Task ${n}`, ...steps);
  }

  async #killNowAndThen(): Promise<void> {
    for (;;) {
      const nextAt = Date.now() + 2000 + this.#upTo(6000);
      while (Date.now() < nextAt && !this.#over) await setTimeout(50);
      if (this.#over) return;
      const part = Date.now() - this.#beganAt < this.#durationMs * CONTROL_PLANE_DIES_UNTIL && this.#chance(0.2);
      await (part ? this.#killControlPlane() : this.#killOne());
    }
  }

  async #killControlPlane(): Promise<void> {
    const parts: readonly ControlPlanePart[] = ["workerd", "cli", "both"];
    const part = parts[this.#upTo(parts.length)] ?? "both";
    this.#here = await killAndRestart(this.#installation(), part, ENV);
    this.#note(`control plane (${part})`);
  }

  async #killOne(): Promise<void> {
    const kinds: readonly ProcessKind[] = ["agent", "session-host", "daemon"];
    const kind = kinds[this.#upTo(kinds.length)] ?? "agent";
    const found = (await readUsage(this.#installation().dataDir)).filter((usage) => usage.kind === kind);
    const victim = found[this.#upTo(found.length)];
    if (victim !== undefined && tryKill(victim.pid)) this.#note(kind);
  }

  async #tellEachMinute(): Promise<void> {
    for (let minute = 0; !this.#over; minute++) {
      const usages = await readUsage(this.#installation().dataDir);
      for (const { pid, kind, bytes } of usages)
        this.#samples.push({ minute, kind, pid, mebibytes: bytes / MEBIBYTE, files: await openFiles(pid) });
      console.log(
        `${String(minute).padStart(3)} min  ${this.#submitted.length} submitted  ${this.#inFlight} in flight  ${this.#line(minute)}`,
      );
      const nextAt = this.#beganAt + (minute + 1) * 60_000;
      while (Date.now() < nextAt && !this.#over) await setTimeout(100);
    }
  }

  #line(minute: number): string {
    const kinds: readonly ProcessKind[] = ["workerd", "cli + local-cloud", "daemon"];
    return kinds
      .map((kind) => {
        const own = this.#samples.filter((sample) => sample.minute === minute && sample.kind === kind);
        const total = (of: (sample: Sample) => number) => own.reduce((sum, sample) => sum + of(sample), 0);
        const mebibytes = total((sample) => sample.mebibytes).toFixed(0);
        return `${kind} ×${own.length} ${mebibytes} MiB ${total((sample) => sample.files)} fds`;
      })
      .join("  ");
  }

  async #faults(project: ProjectView): Promise<string[]> {
    const tasks = await this.#person.tasks(project);
    const stuck = tasks.filter((task) => !hasEnded(task)).map(({ id, status }) => `stuck: ${id} is ${status}`);
    const here = this.#installation();
    return [
      ...stuck,
      ...(await terminalFaults(this.#person, tasks)),
      ...(await transcriptFaults(here)),
      ...(await clearedFaults(here, this.#person)),
      ...(await leftOnMachine(here)),
    ];
  }

  #report(tasks: readonly TaskView[]): void {
    const count = (of: readonly string[]) =>
      [...Map.groupBy(of, (each) => each)].map(([name, { length }]) => ({ name, values: [length] }));
    printRows(
      "outcomes",
      ["N"],
      count(tasks.map(({ status, failure }) => (failure === null ? status : `${status}: ${failure.code}`))),
    );
    const kills = [...this.#kills].map(([name, times]) => ({ name, values: [times] }));
    printRows("what was done to them", ["N"], [{ name: "cancel", values: [this.#cancels] }, ...kills]);
    const longest = [...Map.groupBy(this.#samples, ({ pid }) => pid).values()]
      .filter((samples) => samples.length >= 3 && samples[0]?.kind !== "agent" && samples[0]?.kind !== "session-host")
      .map((samples) => ({
        name: `${samples[0]?.kind} ${samples[0]?.pid}`,
        values: [
          samples.length,
          samples[0]?.mebibytes ?? 0,
          samples.at(-1)?.mebibytes ?? 0,
          slope(samples.map(({ minute, mebibytes }) => [minute, mebibytes])),
          slope(lastThird(samples).map(({ minute, mebibytes }) => [minute, mebibytes])),
          samples[0]?.files ?? 0,
          samples.at(-1)?.files ?? 0,
        ],
      }));
    if (longest.length > 0)
      printRows(
        "processes that lived long",
        ["samples", "first MiB", "last MiB", "MiB/min", "in the last third", "first fds", "last fds"],
        longest,
        1,
      );
  }

  async #processesLeft(dataDir: string): Promise<string[]> {
    const own = (await listProcesses(dataDir)).map(({ command }) => `process ${command}`);
    const runtimes = new Set(this.#samples.filter(({ kind }) => kind === "workerd").map(({ pid }) => pid));
    const alive = await Promise.all([...runtimes].map(async (pid) => ((await isAlive(pid)) ? [`workerd ${pid}`] : [])));
    return [...own, ...alive.flat()];
  }

  #installation(): Installation {
    if (this.#here === null) throw new Error("the soak has not begun");
    return this.#here;
  }

  #note(what: string): void {
    this.#kills.set(what, (this.#kills.get(what) ?? 0) + 1);
  }

  #chance(share: number): boolean {
    return this.#random.next() < share;
  }

  #upTo(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }
}

/** By then a process has allocated what it needs: allocators return little memory, but reuse it. */
const lastThird = <T>(samples: readonly T[]): readonly T[] => samples.slice(Math.floor((samples.length * 2) / 3));

/** The slope of the best-fitting line. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
}
