/**
 * What operations cost on Cloudflare: the table of prices, and the sum. Pure. Prices apply beyond the amounts that the
 * paid plan includes, so a sum is for an installation that has used these amounts up.
 *
 * Source: developers.cloudflare.com/workers/platform/pricing, …/durable-objects/platform/pricing, …/d1/platform/pricing and
 * …/workflows/reference/pricing. Not in the table: storage (GB-months), and logs beyond the included amount.
 */

/** Operations that Cloudflare charges for. */
export interface BilledOperations {
  /** Requests over HTTP, firings of the cron trigger, and workflow invocations. */
  readonly workerRequests: number;
  readonly cpuMs: number;
  /** Calls, upgrades and alarms of objects, and a twentieth of the messages on their sockets. */
  readonly objectRequests: number;
  /** Time for which objects are in memory and cannot hibernate, times their memory. */
  readonly objectGigabyteSeconds: number;
  /** In the objects' SQLite and in D1, rows of indexes included; setting an alarm writes one too. */
  readonly rowsWritten: number;
  readonly rowsRead: number;
}

export const NO_OPERATIONS: BilledOperations = {
  workerRequests: 0,
  cpuMs: 0,
  objectRequests: 0,
  objectGigabyteSeconds: 0,
  rowsWritten: 0,
  rowsRead: 0,
};

export interface CloudPrices {
  /** The day on which the price lists were read. */
  readonly asOf: string;
  /** Of the paid plan, in US dollars a month. */
  readonly planDollars: number;
  /** US dollars per million. */
  readonly perMillion: Readonly<Record<keyof BilledOperations, number>>;
}

export const CLOUD_PRICES: CloudPrices = {
  asOf: "2026-11-30",
  planDollars: 5,
  perMillion: {
    workerRequests: 0.3,
    cpuMs: 0.02,
    objectRequests: 0.15,
    objectGigabyteSeconds: 12.5,
    rowsWritten: 1,
    rowsRead: 0.001,
  },
};

/** The memory that an object is charged for, in GB. */
export const OBJECT_GIGABYTES = 0.128;

export const OPERATION_NAMES = Object.keys(CLOUD_PRICES.perMillion).filter(isOperationName);

/** In US dollars. */
export function priceOperations(
  operations: BilledOperations,
  { perMillion }: CloudPrices = CLOUD_PRICES,
): Readonly<Record<keyof BilledOperations, number>> & { readonly total: number } {
  const price = (name: keyof BilledOperations) => (operations[name] * perMillion[name]) / 1_000_000;
  const lines = {
    workerRequests: price("workerRequests"),
    cpuMs: price("cpuMs"),
    objectRequests: price("objectRequests"),
    objectGigabyteSeconds: price("objectGigabyteSeconds"),
    rowsWritten: price("rowsWritten"),
    rowsRead: price("rowsRead"),
  };
  return { ...lines, total: Object.values(lines).reduce((sum, dollars) => sum + dollars, 0) };
}

export const addOperations = (a: BilledOperations, b: BilledOperations): BilledOperations =>
  combine(a, (name) => b[name]);

export function scaleOperations(operations: BilledOperations, factor: number): BilledOperations {
  return combine(NO_OPERATIONS, (name) => operations[name] * factor);
}

function combine(a: BilledOperations, added: (name: keyof BilledOperations) => number): BilledOperations {
  return {
    workerRequests: a.workerRequests + added("workerRequests"),
    cpuMs: a.cpuMs + added("cpuMs"),
    objectRequests: a.objectRequests + added("objectRequests"),
    objectGigabyteSeconds: a.objectGigabyteSeconds + added("objectGigabyteSeconds"),
    rowsWritten: a.rowsWritten + added("rowsWritten"),
    rowsRead: a.rowsRead + added("rowsRead"),
  };
}

function isOperationName(name: string): name is keyof BilledOperations {
  return name in NO_OPERATIONS;
}
