/**
 * For tests: the database with faults. A statement fails before it is carried out, or is carried out and its answer is
 * lost, as a seed decides. It stands on the runtime's own classes, so that routes, objects and workflows all meet it.
 */
import { env } from "cloudflare:workers";

export interface FaultyDatabase {
  /** How many statements failed so far. */
  readonly refused: number;
  readonly answersLost: number;
  /** From now on everything works. */
  heal(): void;
}

interface Odds {
  /** Of each statement. */
  readonly refused: number;
  readonly answerLost: number;
  /** So many in all. */
  readonly atMost: number;
  /** So many statements are sound at first. */
  readonly from?: number;
}

/** A small generator of numbers from 0 to 1, the same for the same seed. */
function createGenerator(seed: number): () => number {
  let state = (seed + 1) * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Until `heal`. Statements of the test itself meet the faults too. */
export function breakDatabase(seed: number, odds: Odds): FaultyDatabase {
  const next = createGenerator(seed);
  const count = { refused: 0, answersLost: 0 };
  let sound = odds.from ?? 0;
  async function risk<T>(carryOut: () => Promise<T>): Promise<T> {
    const isSound = sound-- > 0 || count.refused + count.answersLost >= odds.atMost;
    const chance = isSound ? 1 : next();
    if (chance < odds.refused) {
      count.refused++;
      throw new Error("D1_ERROR: the test refuses it");
    }
    const answer = await carryOut();
    if (chance < odds.refused + odds.answerLost) {
      count.answersLost++;
      throw new Error("D1_ERROR: the test loses the answer");
    }
    return answer;
  }
  const database: object = Object.getPrototypeOf(env.DB);
  const statement: object = Object.getPrototypeOf(env.DB.prepare("SELECT 1"));
  const undo = [
    replace(database, "batch", risk),
    ...["all", "run", "raw", "first"].map((name) => replace(statement, name, risk)),
  ];
  return {
    get refused() {
      return count.refused;
    },
    get answersLost() {
      return count.answersLost;
    },
    heal: () => {
      for (const each of undo) each();
    },
  };
}

function replace(owner: object, name: string, risk: <T>(carryOut: () => Promise<T>) => Promise<T>): () => void {
  const real: unknown = Reflect.get(owner, name);
  if (typeof real !== "function") throw new Error(`D1 has no ${name}`);
  const value = function (this: unknown, ...args: unknown[]): Promise<unknown> {
    return risk(async () => Reflect.apply(real, this, args));
  };
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => Object.defineProperty(owner, name, { value: real, configurable: true, writable: true });
}
