/** The running Samovar of a data directory. */
import { readInstance } from "../instance.ts";
import { ApiClient } from "./api.ts";
import { UnreachableError } from "./errors.ts";

/** Null when none has said that it runs. */
export async function findSamovar(dataDir: string): Promise<ApiClient | null> {
  const instance = await readInstance(dataDir);
  return instance === null ? null : new ApiClient(instance.url, instance.apiToken);
}

export async function requireSamovar(dataDir: string): Promise<ApiClient> {
  const client = await findSamovar(dataDir);
  if (client === null) throw new UnreachableError();
  return client;
}
