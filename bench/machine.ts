/** Measures an installation's use of this machine, by kind of process. Linux only: reads /proc. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as z from "zod";
import { listProcesses } from "../tests/harness/processes.ts";

const PROCESS_KINDS = ["workerd", "cli + local-cloud", "daemon", "session-host", "agent", "other"] as const;
export type ProcessKind = (typeof PROCESS_KINDS)[number];

export interface Usage {
  readonly pid: number;
  readonly kind: ProcessKind;
  /** Resident memory now, and its peak. */
  readonly bytes: number;
  readonly peakBytes: number;
}

export async function readUsage(directory: string): Promise<Usage[]> {
  const runtime = await readRuntime(directory);
  const workerd = runtime === null ? [] : [{ pid: runtime, command: "workerd" }];
  const rows = await Promise.all(
    [...workerd, ...(await listProcesses(directory))].map(async ({ pid, command }) => {
      const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
      const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
      return { pid, kind: getKind(command), bytes: kibibytes("VmRSS") * 1024, peakBytes: kibibytes("VmHWM") * 1024 };
    }),
  );
  return rows.filter(({ bytes }) => bytes > 0);
}

/** The workerd that the CLI recorded, because workerd's command line does not contain the directory. */
export async function readRuntime(directory: string): Promise<number | null> {
  const text = await readFile(join(directory, "runtime.json"), "utf8").catch(() => "null");
  const known = z.object({ pid: z.number() }).safeParse(JSON.parse(text));
  return known.success ? known.data.pid : null;
}

/** Open files, sockets and pipes. */
export async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
}

/** How long a process's threads have run, and how long they have waited for a core, in milliseconds. */
export async function coreTime(pid: number): Promise<{ readonly usedMs: number; readonly waitedMs: number }> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const rows = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0 0")),
  );
  const total = (column: number) => rows.reduce((sum, row) => sum + Number(row.split(" ")[column]), 0);
  return { usedMs: total(0) / 1e6, waitedMs: total(1) / 1e6 };
}

export interface Peak {
  readonly kind: ProcessKind;
  /** The largest number at a time. */
  readonly count: number;
  /** The peak of a single process, and of all of them together. */
  readonly oneBytes: number;
  readonly allBytes: number;
}

/** Samples repeatedly until it is stopped. */
export function watchPeaks(directory: string, everyMs = 250): { stop(): Promise<Peak[]> } {
  const peaks = new Map<ProcessKind, Peak>();
  const stopping = new AbortController();
  const look = async () => {
    const usages = await readUsage(directory);
    for (const kind of PROCESS_KINDS) {
      const own = usages.filter((usage) => usage.kind === kind);
      const before = peaks.get(kind) ?? { kind, count: 0, oneBytes: 0, allBytes: 0 };
      peaks.set(kind, {
        kind,
        count: Math.max(before.count, own.length),
        oneBytes: Math.max(before.oneBytes, ...own.map(({ peakBytes }) => peakBytes)),
        allBytes: Math.max(
          before.allBytes,
          own.reduce((sum, { bytes }) => sum + bytes, 0),
        ),
      });
    }
  };
  const watching = (async () => {
    for (; !stopping.signal.aborted; await setTimeout(everyMs)) await look();
  })();
  return {
    stop: async () => {
      stopping.abort();
      await watching;
      return [...peaks.values()].filter(({ count }) => count > 0);
    },
  };
}

function getKind(command: string): ProcessKind {
  if (command.includes("workerd")) return "workerd";
  if (/samovar\.mjs up/.test(command)) return "cli + local-cloud";
  if (/vm-agent\.cjs daemon/.test(command)) return "daemon";
  if (/vm-agent\.\w+ session-host/.test(command)) return "session-host";
  return /script-agent/.test(command) ? "agent" : "other";
}
