/** What a session's address may ask for: a message, by its place in the session. */

export interface SessionSearch {
  readonly msg?: number;
}

export function readSessionSearch(search: Readonly<Record<string, unknown>>): SessionSearch {
  const msg = Number(search["msg"]);
  return search["msg"] !== undefined && Number.isSafeInteger(msg) && msg >= 0 ? { msg } : {};
}
