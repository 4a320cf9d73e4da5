/** Git bundles of commits that a session could not push, in pieces that fit a row: one bundle per session, stored atomically. */
import type { Millis, SessionId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { BundleView, WorkspaceClaims } from "@samovar/contracts";
import * as z from "zod";
import { requireDeliverer } from "./deliverers.ts";
import { requireSession } from "./sessions.ts";
import type { ProjectStorage } from "./storage.ts";

/** A row may have at most 2 MB. */
const CHUNK_BYTES = 1024 * 1024;

const bundleRow = z.object({ bytes: z.int(), sha256: z.string(), chunks: z.int() });

/**
 * Replaces an older bundle. Throws `unauthenticated` if the workspace may not deliver any more, `not_found`, and `conflict` if
 * the session is linked to another workspace or its transcript is complete. The stored bundle may be sent again.
 */
export function storeBundle(
  storage: ProjectStorage,
  sql: SqlStorage,
  claims: WorkspaceClaims,
  data: Uint8Array,
  { sha256, now }: { readonly sha256: string; readonly now: Millis },
): BundleView {
  return storage.atomically(() => {
    requireDeliverer(storage, claims, now);
    const session = requireSession(storage, claims.session);
    if (session.projectId !== claims.project) throw new SamovarError("not_found", "Session not found.");
    if (session.workspaceId !== claims.workspace)
      throw new SamovarError("conflict", "This session is linked to another workspace.");
    const stored = findBundle(sql, session.id);
    if (stored?.sha256 === sha256) return { bytes: stored.bytes, sha256 };
    if (storage.isComplete(session.id))
      throw new SamovarError("conflict", "This session is complete, so its bundle cannot change.");
    sql.exec("DELETE FROM bundle_chunks WHERE session_id = ?", session.id);
    const chunks = Math.ceil(data.byteLength / CHUNK_BYTES);
    for (let n = 0; n < chunks; n++) {
      const piece = data.slice(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES);
      sql.exec("INSERT INTO bundle_chunks (session_id, n, data) VALUES (?, ?, ?)", session.id, n, piece.buffer);
    }
    sql.exec(
      "INSERT OR REPLACE INTO bundles (session_id, bytes, sha256, chunks, stored_at) VALUES (?, ?, ?, ?, ?)",
      session.id,
      data.byteLength,
      sha256,
      chunks,
      now,
    );
    return { bytes: data.byteLength, sha256 };
  });
}

export interface StoredBundle extends BundleView {
  readonly chunks: number;
}

export function findBundle(sql: SqlStorage, id: SessionId): StoredBundle | null {
  const [row] = sql.exec("SELECT bytes, sha256, chunks FROM bundles WHERE session_id = ?", id).toArray();
  return row === undefined ? null : bundleRow.parse(row);
}

/** One piece of this bundle; null if it was replaced meanwhile. */
export function bundleChunk(sql: SqlStorage, id: SessionId, sha256: string, n: number): Uint8Array | null {
  const [row] = sql
    .exec<{ data: ArrayBuffer }>(
      `SELECT data FROM bundle_chunks JOIN bundles USING (session_id) WHERE session_id = ? AND sha256 = ? AND n = ?`,
      id,
      sha256,
      n,
    )
    .toArray();
  return row === undefined ? null : new Uint8Array(row.data);
}
