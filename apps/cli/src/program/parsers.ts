/** Parsers of option values. Each throws an error that says which values are allowed. */
import {
  type AgentKind,
  agentKind,
  LIMITS,
  type MessageRole,
  messageRole,
  SEARCH_LIMITS,
  type VmSize,
  vmSize,
} from "@samovar/contracts";
import { EXPORT_FORMATS, type ExportFormat } from "@samovar/domain/session-export";
import { parseTokens, parseUsd } from "@samovar/domain/spending-text";
import { InvalidArgumentError } from "commander";
import { PRIORITIES } from "../output/priority.ts";
import { parseDuration } from "../output/units.ts";

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("Use a number from 0 to 65535.");
  return port;
}

export function parseAgent(text: string): AgentKind {
  const parsed = agentKind.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError("Use an agent's name, such as claude.");
  return parsed.data;
}

export function parseSize(text: string): VmSize {
  const parsed = vmSize.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError("Use small, medium or large.");
  return parsed.data;
}

/** The priority's number in the API. */
export function parsePriority(text: string): number {
  const priority = PRIORITIES.findIndex((name) => name === text);
  if (priority === -1) throw new InvalidArgumentError(`Use one of ${PRIORITIES.join(", ")}.`);
  return priority;
}

/** Micro-dollars; null for none. */
export function parseDollars(text: string): number | null {
  const micros = parseUsd(text);
  if (micros === undefined) throw new InvalidArgumentError("Use an amount of USD such as 2.50, or none.");
  return micros;
}

/** Null for none. */
export function parseTokenCount(text: string): number | null {
  const count = parseTokens(text);
  if (count === undefined) throw new InvalidArgumentError("Use a number of tokens such as 500k or 2M, or none.");
  return count;
}

/** Milliseconds. */
export function parseTime(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new InvalidArgumentError("Use a time such as 30m, 8h or 2d.");
  return ms;
}

/** A number of items that one page of a list can have. */
export function parsePageSize(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > LIMITS.pageMax)
    throw new InvalidArgumentError(`Use a number from 1 to ${LIMITS.pageMax}.`);
  return count;
}

/** Collects the values of an option that is repeated or given as a comma-separated list. */
export function collectList(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(",").filter((each) => each !== "")];
}

export function parseRole(text: string): MessageRole {
  const parsed = messageRole.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(`Use one of ${messageRole.options.join(", ")}.`);
  return parsed.data;
}

export function parseExportFormat(text: string): ExportFormat {
  const format = EXPORT_FORMATS.find((name) => name === text);
  if (format === undefined) throw new InvalidArgumentError(`Use one of ${EXPORT_FORMATS.join(", ")}.`);
  return format;
}

/** A number of hits that one answer can have. */
export function parseHits(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > SEARCH_LIMITS.pageMax)
    throw new InvalidArgumentError(`Use a number from 1 to ${SEARCH_LIMITS.pageMax}.`);
  return count;
}
