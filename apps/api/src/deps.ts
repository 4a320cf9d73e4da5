/** The dependencies of a command: bindings, settings, time, ids. Created once per request or run. */
import type { Clock, IdSource, Logger, Random } from "@samovar/base";
import { idSource, jsonLogger, systemClock, systemRandom } from "@samovar/base";
import type { Config } from "./config.ts";
import { getConfig } from "./config.ts";
import type { Database } from "./database/index.ts";
import { database } from "./database/index.ts";
import type { Env } from "./env.ts";

export interface Deps {
  readonly env: Env;
  readonly config: Config;
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: IdSource;
  readonly logger: Logger;
}

export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
}

export const systemPorts: Ports = { clock: systemClock, random: systemRandom };

export function depsFor(env: Env, ports: Ports = systemPorts): Deps {
  const config = getConfig(env);
  const { clock, random } = ports;
  return {
    env,
    config,
    db: database(env),
    clock,
    random,
    ids: idSource(clock, random),
    logger: jsonLogger({ clock, level: config.LOG_LEVEL, write: (line) => console.log(line) }),
  };
}
