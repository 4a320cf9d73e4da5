/** SQLite files of one process each: open, check, migrate, salvage. Keeps M1 [F6] [F34]. */
export * from "./open-database.ts";
export * from "./open-or-salvage.ts";
export * from "./sqlite-fault.ts";
export * from "./transaction.ts";
