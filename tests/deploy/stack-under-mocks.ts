/** The stack of a deployment without Pulumi's CLI: the same program under Pulumi's mocks, and its database in the scripted account. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import * as z from "zod";
import { type Infrastructure, type StackSettings, stackOutputs } from "../../scripts/deploy/infrastructure.ts";
import type { Account } from "./cloudflare/account.ts";

const PROGRAM = join(import.meta.dirname, "../../infra/run-under-mocks.testing.ts");

const resource = z.object({
  type: z.string(),
  id: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  outputs: z.record(z.string(), z.unknown()),
  protect: z.boolean(),
  retainOnDelete: z.boolean(),
});
const reply = z.object({
  outputs: z.record(z.string(), z.string()),
  secrets: z.array(z.string()),
  state: z.record(z.string(), resource),
});
export type StackReply = z.infer<typeof reply>;

/** Runs the program once on that state. */
export async function runProgram(
  config: StackSettings,
  state: StackReply["state"],
  databaseId: string,
): Promise<StackReply> {
  const child = spawn(process.execPath, [PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify({ config, state, databaseId }));
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`the program ended with ${code}`);
  return reply.parse(JSON.parse(printed));
}

export class StackUnderMocks implements Infrastructure {
  /** Null: there is no stack. */
  state: StackReply["state"] | null = null;
  readonly #account: Account;
  #outputs: StackReply["outputs"] = {};

  constructor(account: Account) {
    this.#account = account;
  }

  async check(): Promise<void> {}

  async preview(): Promise<string> {
    return "";
  }

  async update(settings: StackSettings) {
    const { outputs, state } = await runProgram(settings, this.state ?? {}, this.#account.newId());
    this.state = state;
    this.#outputs = outputs;
    const database = state["database"];
    if (database !== undefined) this.#account.databases.set(database.id, String(database.inputs["name"]));
    return stackOutputs.parse(outputs);
  }

  async read() {
    return this.state === null ? null : stackOutputs.parse(this.#outputs);
  }

  /** As Pulumi: refuses what is protected, and leaves in the account what is retained. */
  async remove(): Promise<void> {
    for (const [name, each] of Object.entries(this.state ?? {})) {
      if (each.protect) throw new Error(`${name} is protected`);
      if (each.type.includes("d1Database") && !each.retainOnDelete) this.#account.databases.delete(each.id);
    }
    this.state = null;
  }
}
