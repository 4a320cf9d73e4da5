/** For tests: many stored messages at once, as an earlier release left them: nothing of them is indexed. */
import { ids } from "../../../test/caller.ts";

/** Characters of a filled message are few words out of this many. */
const VOCABULARY = 5_000;
const WORDS = 12;

/** A new session with so many final messages of twelve words; each `every`th has the word `marker`. */
export function fillSession(
  { sql }: DurableObjectStorage,
  { messages, every }: { readonly messages: number; readonly every: number },
): void {
  const id = ids.make("ses");
  sql.exec(
    `INSERT INTO sessions (id, project_id, status, version, message_count, last_message_at, started_at)
     VALUES (?, ?, 'stopped', ?, ?, 5000, 1000)`,
    id,
    ids.make("prj"),
    messages,
    messages,
  );
  const words = Array.from(
    { length: WORDS },
    (_, k) => `'w' || ((n * ${7919 + 104_729 * k} + ${k * k}) % ${VOCABULARY})`,
  );
  sql.exec(
    `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
     INSERT INTO messages (id, session_id, position, changed_at_version, changed_at, size, origin, role, kind, revision,
       final, interrupted, created_at, content)
     SELECT printf('%s-0000-4000-8000-%012x', substr(lower(hex(randomblob(4))), 1, 8), n), ?1, n - 1, n, 2000, 400, 'node',
       iif(n % 20 = 0, 'user', 'assistant'), 'text', 1, 1, 0, 2000,
       ${words.join(" || ' ' || ")} || iif(n % ?3 = 0, ' marker', '') || ' the'
     FROM numbers`,
    id,
    messages,
    every,
  );
}
