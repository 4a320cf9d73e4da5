/**
 * Decides what the gateway forwards: exact methods and paths, known query parameters, this computer as the host. Compares
 * the target as it was sent, without decoding or normalizing, so that no spelling of a path can mean another one. Pure.
 */
import type { ModelApiRules, ModelRoute } from "./model-apis.ts";

export interface Target {
  readonly method: string | undefined;
  /** The request's target as it was sent. */
  readonly url: string | undefined;
  readonly host: string | undefined;
}

export type Admission =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly status: number; readonly reason: string };

const TARGET_MAX_LENGTH = 2048;
/** Any port: a sandbox may forward another one. */
const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost)(:\d{1,5})?$/i;

/** Returns the path and query to request upstream, or the refusal. */
export function admitTarget({ method, url = "", host = "" }: Target, api: ModelApiRules): Admission {
  if (!LOOPBACK_HOST.test(host)) return refuse(403, "this gateway answers only for 127.0.0.1");
  if (url.length > TARGET_MAX_LENGTH) return refuse(404, "the address is too long for this gateway");
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  const routes = api.routes.filter((route) => isMatch(route, path, api));
  if (routes.length === 0)
    return refuse(404, `this gateway forwards only model calls and model lists of the ${api.name}`);
  const route = routes.find((known) => known.method === method);
  if (route === undefined) {
    return refuse(405, `this gateway forwards only ${routes.map((known) => known.method).join(" and ")} for this path`);
  }
  return admitQuery(path, new URLSearchParams(mark === -1 ? "" : url.slice(mark + 1)), { route, api });
}

function admitQuery(
  path: string,
  query: URLSearchParams,
  { route, api }: { readonly route: ModelRoute; readonly api: ModelApiRules },
): Admission {
  if (api.keyParameter !== null) query.delete(api.keyParameter);
  if ([...query.keys()].some((name) => !route.query.includes(name))) {
    const allowed =
      route.query.length === 0 ? "no query parameter" : `only the query parameters ${route.query.join(", ")}`;
    return refuse(400, `this gateway forwards ${allowed} for this path`);
  }
  return { ok: true, path: query.size === 0 ? path : `${path}?${query.toString()}` };
}

function isMatch({ path }: ModelRoute, sent: string, { modelId }: ModelApiRules): boolean {
  const [before = "", after] = path.split("{model}");
  if (after === undefined) return sent === path;
  if (!sent.startsWith(before) || !sent.endsWith(after)) return false;
  return modelId.test(sent.slice(before.length, sent.length - after.length));
}

const refuse = (status: number, reason: string): Admission => ({ ok: false, status, reason });
