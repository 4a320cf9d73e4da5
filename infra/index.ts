/** The Pulumi program: its configuration and outputs around `createStack`. */
import { Config } from "@pulumi/pulumi";
import { createStack } from "./stack.ts";

const config = new Config();
const domain = config.get("domain");

export const { installationId, databaseId, operatorSecret, credentialsKey, signingSeed } = createStack({
  accountId: config.require("accountId"),
  databaseName: config.require("databaseName"),
  databaseLocation: config.get("databaseLocation") ?? "weur",
  domain: domain === undefined ? null : { name: domain, zoneId: config.require("zoneId") },
  keepData: config.getBoolean("keepData") ?? true,
});
