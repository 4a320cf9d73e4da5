/** Plans a deployment without an account: made-up secrets, and a reserved address. */
import { randomBytes } from "node:crypto";
import type { Release } from "./release.ts";
import { planWorker, type WorkerPlan } from "./worker-plan.ts";

export function planDryRun(release: Release, given: Readonly<Record<string, string>>): WorkerPlan {
  return planWorker({
    config: release.config,
    main: release.main,
    assets: release.assets,
    release: release.agent,
    outputs: {
      installationId: "samovar-dry-run",
      databaseId: "00000000-0000-4000-8000-000000000000",
      operatorSecret: randomBytes(32).toString("hex"),
      credentialsKey: randomBytes(32).toString("base64"),
      signingSeed: randomBytes(32).toString("base64"),
    },
    publicUrl: "https://samovar.invalid",
    domain: null,
    given,
  });
}
