/**
 * Runs the local cloud alone: `node main.ts DATA_DIR [PORT]`, its token in `LOCAL_CLOUD_TOKEN`. Prints its address.
 * SIGINT and SIGTERM stop it with its servers. `LOCAL_CLOUD_SERVICE_ENV` names variables that its servers inherit, such as
 * `NODE_EXTRA_CA_CERTS,SSL_CERT_FILE`.
 */
import { jsonLogger, systemClock } from "@samovar/base";
import { startLocalCloud } from "./local-cloud.ts";

const [dataDir, port = "0"] = process.argv.slice(2);
const token = process.env["LOCAL_CLOUD_TOKEN"];
if (dataDir === undefined || !/^\d{1,5}$/.test(port) || token === undefined || token === "") {
  process.stderr.write("usage: LOCAL_CLOUD_TOKEN=… node main.ts DATA_DIR [PORT]\n");
  process.exit(2);
}

const cloud = await startLocalCloud({
  dataDir,
  port: Number(port),
  token,
  nodeBinary: process.execPath,
  bootDelayMs: Number(process.env["LOCAL_CLOUD_BOOT_DELAY_MS"] ?? 0),
  serviceEnv: getInherited((process.env["LOCAL_CLOUD_SERVICE_ENV"] ?? "").split(",")),
  logger: jsonLogger({ clock: systemClock, write: (line) => process.stderr.write(`${line}\n`) }),
});
process.stdout.write(`${cloud.url}\n`);

let stopping = false;
const stop = () => {
  if (stopping) return;
  stopping = true;
  void cloud.close({ servers: "stop" });
};
process.once("SIGINT", stop);
process.once("SIGTERM", stop);

function getInherited(names: readonly string[]): Record<string, string> {
  const values = names.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
