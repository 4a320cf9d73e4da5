/**
 * Answers the agent's requests for permission: what works inside the workspace, or names no place, is allowed;
 * what reaches outside is refused.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { RequestPermissionResponse } from "@agentclientprotocol/sdk";
import type { Fields } from "@samovar/domain/acp-update";
import { toFields } from "@samovar/domain/acp-update";

/** `roots`: directories that the agent may work in. */
export function decidePermission(params: Fields, roots: readonly string[], cwd: string): RequestPermissionResponse {
  const isInside = targets(params).every((path) => roots.some((root) => contains(root, resolve(cwd, path))));
  const wanted = isInside ? ["allow_once", "allow_always"] : ["reject_once", "reject_always"];
  const option = wanted.flatMap((kind) => options(params).filter((offered) => offered.kind === kind))[0];
  return { outcome: option === undefined ? { outcome: "cancelled" } : { outcome: "selected", optionId: option.id } };
}

function options(params: Fields): readonly { readonly id: string; readonly kind: unknown }[] {
  const offered = Array.isArray(params["options"]) ? params["options"].map(toFields) : [];
  return offered.flatMap(({ optionId, kind }) => (typeof optionId === "string" ? [{ id: optionId, kind }] : []));
}

function targets(params: Fields): readonly string[] {
  const call = toFields(params["toolCall"]);
  const places = [call["locations"], call["content"]].flatMap((list) => (Array.isArray(list) ? list : []));
  return places.map((place) => toFields(place)["path"]).filter((path) => typeof path === "string");
}

/** Whether `path`, its links followed, is `root` or below it. */
export function contains(root: string, path: string): boolean {
  const way = relative(realPath(root), realPath(path));
  return way === "" || (way !== ".." && !way.startsWith("../") && !isAbsolute(way));
}

/** With links followed, as far as the path exists: a link inside may lead outside. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
