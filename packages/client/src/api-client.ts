/** Calls the control plane's API. Paths, queries and bodies are typed by its OpenAPI document; answers are parsed. */
import { LIMITS, type Page } from "@samovar/contracts";
import type { ApiCall, Parser } from "./api-call.ts";
import type { ApiRoutes } from "./api-routes.ts";

/** A method and a path, such as `GET /api/projects/{projectId}`. */
export type ApiRoute = keyof ApiRoutes;

/** A request's fields are the path's parameters, `query`, `body` and `idempotencyKey`; it may be left out where all are optional. */
type Rest<R extends ApiRoute, More extends unknown[] = []> = {} extends ApiRoutes[R]
  ? [request?: ApiRoutes[R], ...More]
  : [request: ApiRoutes[R], ...More];

/** The routes that answer in pages. */
type PagedRoute = {
  [R in ApiRoute]: ApiRoutes[R] extends { readonly query?: infer Query }
    ? "cursor" extends keyof NonNullable<Query>
      ? R
      : never
    : never;
}[ApiRoute];

/** Any request, once its types are checked. */
interface AnyRequest {
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly [parameter: string]: unknown;
}

/**
 * How a client reaches the control plane. Whether and how long it asks again is up to it, and what a caller may choose of that
 * are its `options`. `path` begins with `/api`.
 */
export type SendCall<Options> = <T>(
  path: string,
  schema: Parser<T>,
  call: ApiCall,
  options: Options | undefined,
) => Promise<T>;

export class ApiClient<Options> {
  readonly #send: SendCall<Options>;
  readonly #makeKey: () => string;

  /** `makeKey` makes idempotency keys: UUIDs. */
  constructor(send: SendCall<Options>, makeKey: () => string) {
    this.#send = send;
    this.#makeKey = makeKey;
  }

  /** A POST or PATCH has one idempotency key for all tries, so that a lost answer makes no second of anything. */
  call<R extends ApiRoute, T>(route: R, schema: Parser<T>, ...rest: Rest<R, [options?: Options]>): Promise<T>;
  call<T>(route: ApiRoute, schema: Parser<T>, request: AnyRequest = {}, options?: Options): Promise<T> {
    const [method = "", path] = toAddress(route, request);
    const needsKey = method === "POST" || method === "PATCH";
    const { body, idempotencyKey = needsKey ? this.#makeKey() : undefined } = request;
    return this.#send(path, schema, { method, body, idempotencyKey }, options);
  }

  /** Every item of a list, page after page. */
  listAll<R extends PagedRoute, T>(
    route: R,
    schema: Parser<Page<T>>,
    ...rest: Rest<R, [options?: Options]>
  ): Promise<T[]>;
  async listAll<T>(route: PagedRoute, schema: Parser<Page<T>>, request: AnyRequest = {}, options?: Options) {
    const items: T[] = [];
    let cursor: string | null | undefined;
    do {
      const query = { ...request.query, limit: LIMITS.pageMax, cursor };
      const found: Page<T> = await this.#send(toAddress(route, { ...request, query })[1], schema, {}, options);
      items.push(...found.items);
      cursor = found.nextCursor;
    } while (cursor !== null);
    return items;
  }
}

/** The path of a route, such as for a link. */
export function toPath<R extends ApiRoute>(route: R, ...rest: Rest<R>): string;
export function toPath(route: ApiRoute, request: AnyRequest = {}): string {
  return toAddress(route, request)[1];
}

/** The method, and the path with its query. A list in a query is joined by commas, which every route reads. */
function toAddress(route: string, { query = {}, ...parameters }: AnyRequest): [method: string, path: string] {
  const [method = "", template = ""] = route.split(" ");
  const path = template.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(String(parameters[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.append(name, String(value));
  return [method, search.size === 0 ? path : `${path}?${search}`];
}
