/**
 * Named alarms over an object's single alarm: the table has every due time, and the object's alarm is the earliest of
 * them. Re-armed after every change, and in `finally` after an alarm fired, so none is lost. Each write is charged, so an
 * alarm that is already set is not set again. Keeps N1.
 */
import type { Millis } from "@samovar/base";

export class NamedAlarms {
  readonly #storage: DurableObjectStorage;
  /** The object's alarm, if this instance has set it; undefined: not known. */
  #armedAt: Millis | null | undefined = undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Null removes the alarm. */
  set(name: string, dueAt: Millis | null): void {
    if (dueAt === null) this.#storage.sql.exec("DELETE FROM alarms WHERE name = ?", name);
    else
      this.#storage.sql.exec(
        "INSERT INTO alarms (name, due_at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at WHERE due_at <> excluded.due_at",
        name,
        dueAt,
      );
  }

  dueAt(name: string): Millis | null {
    return (
      this.#storage.sql.exec<{ due_at: number }>("SELECT due_at FROM alarms WHERE name = ?", name).toArray()[0]
        ?.due_at ?? null
    );
  }

  /** Names of due alarms, the earliest first. */
  due(now: Millis): readonly string[] {
    return this.#storage.sql
      .exec<{ name: string }>("SELECT name FROM alarms WHERE due_at <= ? ORDER BY due_at, name", now)
      .toArray()
      .map((row) => row.name);
  }

  /** Sets the object's alarm to the earliest due time, in the same write as the preceding changes. */
  arm(): void {
    const earliest = this.#storage.sql
      .exec<{ due_at: number | null }>("SELECT min(due_at) AS due_at FROM alarms")
      .one().due_at;
    if (earliest === this.#armedAt) return;
    this.#armedAt = earliest;
    if (earliest === null) void this.#storage.deleteAlarm();
    else void this.#storage.setAlarm(earliest);
  }

  /** Makes the next `arm` set the alarm in any case. Call it when the alarm fired, may be lost, or was set in a transaction that was rolled back. */
  forget(): void {
    this.#armedAt = undefined;
  }
}
