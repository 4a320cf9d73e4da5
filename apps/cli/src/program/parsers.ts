/** What options may be: read once, here; a value that cannot be is refused in a sentence. */
import { type AgentKind, agentKind, type VmSize, vmSize } from "@samovar/contracts";
import { InvalidArgumentError } from "commander";
import { PRIORITIES } from "../output/priority.ts";
import { parseDuration } from "../output/units.ts";

export function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("It is a number from 0 to 65535.");
  return port;
}

export function agentOf(text: string): AgentKind {
  const parsed = agentKind.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError("It is a name such as claude.");
  return parsed.data;
}

export function sizeOf(text: string): VmSize {
  const parsed = vmSize.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError("It is small, medium or large.");
  return parsed.data;
}

/** The number that the contract has for it. */
export function priorityOf(text: string): number {
  const priority = PRIORITIES.findIndex((name) => name === text);
  if (priority === -1) throw new InvalidArgumentError(`It is one of ${PRIORITIES.join(", ")}.`);
  return priority;
}

/** Milliseconds. */
export function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new InvalidArgumentError("It is a time such as 30m, 8h or 2d.");
  return ms;
}

/** One option given several times, or its values with commas between them. */
export function listOf(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(",").filter((each) => each !== "")];
}
