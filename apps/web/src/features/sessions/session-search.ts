/** What a session's address may ask for: a message, by its place in the session, and the changes beside it. */

export interface SessionSearch {
  readonly msg?: number;
  readonly panel?: "changes";
}

export function readSessionSearch(search: Readonly<Record<string, unknown>>): SessionSearch {
  const msg = Number(search["msg"]);
  return {
    ...(search["msg"] !== undefined && Number.isSafeInteger(msg) && msg >= 0 ? { msg } : {}),
    ...(search["panel"] === "changes" ? { panel: "changes" } : {}),
  };
}
