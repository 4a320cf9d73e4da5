import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, systemTimers } from "@samovar/base";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRuntime } from "../runtime/create-runtime.ts";
import { createWorkspaceNetwork } from "../runtime/network/create-network.ts";
import { decidePermission } from "./permissions.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "smv-permissions-"));
  for (const name of ["repo/src", "home", "outside"]) mkdirSync(join(directory, name), { recursive: true });
  symlinkSync(join(directory, "outside"), join(directory, "repo/way-out"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const options = [
  { optionId: "yes", kind: "allow_once" },
  { optionId: "no", kind: "reject_once" },
];

describe.each(["process", "sandbox"] as const)("a permission request in the %s runtime", (kind) => {
  const decide = (path: (seen: { readonly checkout: string; readonly home: string }) => string) => {
    const places = { checkout: join(directory, "repo"), home: join(directory, "home") };
    const sandbox = {
      program: "bwrap",
      nsenter: "/usr/bin/nsenter",
      disablesUserNamespaces: true,
      hidden: [],
      readOnlyPaths: [],
      checkout: places.checkout,
      tmp: join(directory, "tmp"),
    };
    const timers = systemTimers;
    const network = createWorkspaceNetwork({ sandbox }, { log: silentLogger });
    const runtime = createRuntime({ places, sandbox: kind === "sandbox" ? sandbox : null, network, mark: "m", timers });
    const { checkout, home } = runtime.seen;
    const named = path({ checkout: checkout ?? "", home });
    const toolCall = { locations: [{ path: named }] };
    const { outcome } = decidePermission({ options, toolCall }, [places.checkout, places.home], runtime);
    return outcome.outcome === "selected" ? outcome.optionId : outcome.outcome;
  };

  test("[security 22] is allowed for the paths at which the agent sees its workspace", () => {
    expect(decide(({ checkout }) => `${checkout}/src/new.ts`)).toBe("yes");
    expect(decide(({ home }) => `${home}/.config`)).toBe("yes");
    expect(decide(() => "src/relative.ts")).toBe("yes");
  });

  test("[security 22] is refused for others, also behind a link or dots", () => {
    expect(decide(({ checkout }) => `${checkout}/way-out/file`)).toBe("no");
    expect(decide(({ checkout }) => `${checkout}/../outside/file`)).toBe("no");
    expect(decide(() => "/etc/passwd")).toBe("no");
    expect(decide(({ checkout }) => `${checkout}-alike/file`)).toBe("no");
  });
});
