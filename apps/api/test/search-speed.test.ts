/**
 * How soon a search answers in a project with many messages: they are stored by SQL, as an earlier release left them, and
 * indexed by the object's own steps. `npm run bench -- search` has a million and prints the times; here they are few.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { fillSession } from "../src/sessions/durable-object/search.testing.ts";
import { SearchIndex } from "../src/sessions/durable-object/search-index.ts";
import { ids } from "./caller.ts";

declare module "vitest" {
  interface TaskMeta {
    /** For `npm run bench -- search`, in milliseconds. */
    search?: {
      readonly messages: number;
      readonly indexMs: number;
      readonly times: Readonly<Record<string, number[]>>;
    };
  }
}

const PER_SESSION = 5_000;
const ROUNDS = 20;
const QUERIES = {
  "a rare word": { q: "marker" },
  "a word of every message": { q: "the" },
  "one letter": { q: "w" },
  "two words and a beginning": { q: "the w7 w1" },
  "of the user": { q: "the", role: "user" },
  "no match": { q: "samovar" },
  "best first": { q: "marker", order: "best" },
  "best first, a word of every message": { q: "the", order: "best" },
} as const;

it("[R47] [R54] finds the newest messages and the only ones among all", async ({ task }) => {
  const messages = Number(process.env["SAMOVAR_SEARCHED_MESSAGES"]);
  const stub = env.PROJECT_DATA.getByName(ids.make("prj"));
  await runInDurableObject(stub, (_object, { storage }) => {
    for (let left = messages; left > 0; left -= PER_SESSION)
      fillSession(storage, { messages: Math.min(left, PER_SESSION), every: 1_000 });
  });
  const begun = performance.now();
  for (let complete = false; !complete;)
    complete = await runInDurableObject(stub, (_object, { storage }) =>
      new SearchIndex(storage).catchUp({ messages: 20_000, chars: 64 * 1024 * 1024 }),
    );
  const indexMs = performance.now() - begun;
  const times: Record<string, number[]> = {};
  for (const [name, query] of Object.entries(QUERIES)) {
    const took: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const asked = performance.now();
      const page = await stub.search({ order: "newest", limit: 20, ...query });
      took.push(performance.now() - asked);
      const expected = query.q === "samovar" ? 0 : query.q === "marker" ? Math.floor(messages / 1_000) : messages;
      expect(page).toMatchObject({ complete: true });
      if (query.q !== "the w7 w1") expect(page.items).toHaveLength(Math.min(20, expected));
    }
    times[name] = took;
  }
  task.meta.search = { messages, indexMs, times };
});
