/** Finds a container's process among the node's, which numbers it differently. */
import { readFileSync } from "node:fs";

/**
 * `first`: the container's process 1 on the node; `pid`: of the process, in the container. It is a child of the program that the
 * engine's init has started. Null where the engine runs elsewhere, for example in a virtual machine.
 */
export function findInContainer(first: number, pid: number): number | null {
  const started = readChildren(first).flatMap(readChildren);
  return started.find((each) => readInnermostPid(each) === pid) ?? null;
}

/** Whether this is process 1 of a separate namespace: an engine in a virtual machine names a process of that machine. */
export function isFirstProcess(pid: number): boolean {
  return pid > 1 && readInnermostPid(pid) === 1;
}

function readChildren(pid: number): number[] {
  const text = read(`/proc/${pid}/task/${pid}/children`).trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

function readInnermostPid(pid: number): number | null {
  const pids = /^NSpid:\t(.*)$/m.exec(read(`/proc/${pid}/status`))?.[1]?.split("\t");
  return pids === undefined ? null : Number(pids.at(-1));
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
