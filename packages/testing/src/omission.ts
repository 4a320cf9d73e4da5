/** Tests that cannot run on this machine. The test run counts them and names them at its end, so that none is left out silently. */
import { appendFileSync } from "node:fs";

/** The file in which `scripts/test.ts` collects them. */
export const OMISSIONS_VARIABLE = "SAMOVAR_TEST_OMISSIONS";

export interface Omission {
  readonly what: string;
  readonly tests: number;
  readonly reason: string;
}

export function reportOmission(omission: Omission): void {
  const file = process.env[OMISSIONS_VARIABLE];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(omission)}\n`);
  console.warn(`omitted: ${omission.what} (${omission.tests} tests): ${omission.reason}`);
}
