/** The pipes of a started program. */
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { readToEnd } from "../session-host/read-to-end.ts";
import type { RuntimeProcess } from "./runtime.ts";

export function toPipes(child: ChildProcess): Pick<RuntimeProcess, "stdin" | "stdout" | "stderr"> {
  child.stdin?.on("error", () => {
    // The process is gone; `exited` resolves.
  });
  return { stdin: child.stdin, stdout: requirePipe(child.stdout), stderr: requirePipe(child.stderr) };
}

/** Resolves when the output that the exited process wrote was read. */
export async function readOutput({ stdout, stderr }: ChildProcess): Promise<void> {
  await Promise.all([stdout, stderr].map((pipe) => (pipe === null ? Promise.resolve() : readToEnd(pipe))));
}

function requirePipe(pipe: Readable | null): Readable {
  if (pipe === null) throw new Error("the program was started without a pipe for its output");
  return pipe;
}
