/** Runs a program to its end, with what it said last. It and all that it started end with the signal. */
import { spawn } from "node:child_process";
import { lowerArgv, lowerGroup } from "@samovar/processes";

export interface ProgramRun {
  /** 127 when there is no such program. */
  readonly code: number;
  /** The end of both its outputs, as it came. */
  readonly said: string;
}

const KEPT_CHARS = 8000;

/** Does not throw: a program that was stopped has another code than 0. */
export function runProgram(
  [file = "", ...args]: readonly string[],
  where: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  signal: AbortSignal,
): Promise<ProgramRun> {
  if (signal.aborted) return Promise.resolve({ code: 1, said: "" });
  return new Promise((resolve) => {
    const [program, ...words] = lowerArgv([file, ...args], where.env["PATH"]);
    const child = spawn(program, words, { ...where, stdio: ["ignore", "pipe", "pipe"], detached: true });
    lowerGroup(child);
    const stop = () => {
      if (child.pid !== undefined) killGroup(child.pid);
    };
    signal.addEventListener("abort", stop);
    let said = "";
    const hear = (chunk: string) => (said = (said + chunk).slice(-KEPT_CHARS));
    child.stdout.setEncoding("utf8").on("data", hear);
    child.stderr.setEncoding("utf8").on("data", hear);
    const end = (run: ProgramRun) => {
      signal.removeEventListener("abort", stop);
      resolve(run);
    };
    child.on("error", (error) => {
      const isMissing = "code" in error && error.code === "ENOENT";
      end({ code: isMissing ? 127 : 126, said: error.message });
    });
    child.on("close", (code) => end({ code: code ?? 1, said }));
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has gone by itself.
  }
}
