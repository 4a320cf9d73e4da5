/** Where to go after signing in: only ever a path of this very origin. */

export function toSafeNext(next: unknown, origin: string): string {
  if (typeof next !== "string" || !next.startsWith("/")) return "/";
  try {
    const url = new URL(next, origin);
    return url.origin === origin && url.pathname !== "/sign-in" ? url.pathname + url.search : "/";
  } catch {
    return "/";
  }
}
