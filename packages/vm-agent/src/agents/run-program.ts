/** Runs a program to its end and keeps the end of its output. The abort signal kills its process group. */
import { spawn } from "node:child_process";
import { lowerArgv, lowerGroup } from "@samovar/processes";

export interface ProgramRun {
  /** 127 when the program does not exist. */
  readonly code: number;
  /** The end of its stdout and stderr, in order of arrival. */
  readonly output: string;
}

const KEPT_CHARS = 8000;

/** Does not throw; a program that was killed has a code other than 0. */
export function runProgram(
  [file = "", ...args]: readonly string[],
  where: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  signal: AbortSignal,
): Promise<ProgramRun> {
  if (signal.aborted) return Promise.resolve({ code: 1, output: "" });
  return new Promise((resolve) => {
    const [program, ...words] = lowerArgv([file, ...args], where.env["PATH"]);
    const child = spawn(program, words, { ...where, stdio: ["ignore", "pipe", "pipe"], detached: true });
    lowerGroup(child);
    const stop = () => {
      if (child.pid !== undefined) killGroup(child.pid);
    };
    signal.addEventListener("abort", stop);
    let output = "";
    const append = (chunk: string) => (output = (output + chunk).slice(-KEPT_CHARS));
    child.stdout.setEncoding("utf8").on("data", append);
    child.stderr.setEncoding("utf8").on("data", append);
    const end = (run: ProgramRun) => {
      signal.removeEventListener("abort", stop);
      resolve(run);
    };
    child.on("error", (error) => {
      const isMissing = "code" in error && error.code === "ENOENT";
      end({ code: isMissing ? 127 : 126, output: error.message });
    });
    child.on("close", (code) => end({ code: code ?? 1, output }));
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The process has exited already.
  }
}
