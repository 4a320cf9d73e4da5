/**
 * Answers the agent's permission requests: allowed if all paths are inside the workspace or none is named; refused if one is
 * outside.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { RequestPermissionResponse } from "@agentclientprotocol/sdk";
import type { Fields } from "@samovar/domain/acp-update";
import { toFields } from "@samovar/domain/acp-update";
import type { WorkspaceRuntime } from "../runtime/runtime.ts";

/** `roots`: the node's directories that the agent may work in. The agent names paths as its runtime shows them. */
export function decidePermission(
  params: Fields,
  roots: readonly string[],
  runtime: Pick<WorkspaceRuntime, "seen" | "toNodePath">,
): RequestPermissionResponse {
  const { checkout, home } = runtime.seen;
  const isAllowed = (path: string) => {
    const onNode = runtime.toNodePath(resolve(checkout ?? home, path));
    return onNode !== null && roots.some((root) => isWithin(root, onNode));
  };
  const isInside = listTargets(params).every(isAllowed);
  const wanted = isInside ? ["allow_once", "allow_always"] : ["reject_once", "reject_always"];
  const option = wanted.flatMap((kind) => listOptions(params).filter((offered) => offered.kind === kind))[0];
  return { outcome: option === undefined ? { outcome: "cancelled" } : { outcome: "selected", optionId: option.id } };
}

function listOptions(params: Fields): readonly { readonly id: string; readonly kind: unknown }[] {
  const offered = Array.isArray(params["options"]) ? params["options"].map(toFields) : [];
  return offered.flatMap(({ optionId, kind }) => (typeof optionId === "string" ? [{ id: optionId, kind }] : []));
}

function listTargets(params: Fields): readonly string[] {
  const call = toFields(params["toolCall"]);
  const locations = [call["locations"], call["content"]].flatMap((list) => (Array.isArray(list) ? list : []));
  return locations.map((location) => toFields(location)["path"]).filter((path) => typeof path === "string");
}

/** Whether `path`, its links followed, is `root` or below it. */
export function isWithin(root: string, path: string): boolean {
  const way = relative(resolveRealPath(root), resolveRealPath(path));
  return way === "" || (way !== ".." && !way.startsWith("../") && !isAbsolute(way));
}

/** Follows links as far as the path exists, because a link inside the workspace may lead outside. */
function resolveRealPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(resolveRealPath(parent), basename(path));
  }
}
