/** Runs the Pulumi program once, under Pulumi's mocks, in a separate process. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import * as z from "zod";

export const infra = join(import.meta.dirname, "../../../infra");

const resource = z.object({
  type: z.string(),
  id: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  outputs: z.record(z.string(), z.unknown()),
  protect: z.boolean(),
  retainOnDelete: z.boolean(),
});
export const programReply = z.object({
  outputs: z.record(z.string(), z.string()),
  /** Names of the outputs that Pulumi encrypts. */
  secrets: z.array(z.string()),
  state: z.record(z.string(), resource),
});
export type ProgramReply = z.infer<typeof programReply>;

export interface ProgramRequest {
  /** As Pulumi's CLI gives it: names with the project's. */
  readonly config: Readonly<Record<string, string>>;
  /** The resources that exist. */
  readonly state: ProgramReply["state"];
  /** The id of a new database. */
  readonly databaseId: string;
}

/** `program`: its sources, or what they were bundled into. */
export async function runProgram(program: string, request: ProgramRequest): Promise<ProgramReply> {
  const child = spawn(process.execPath, [join(infra, "run-under-mocks.testing.ts"), program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(JSON.stringify(request));
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`the program ended with ${code}`);
  return programReply.parse(JSON.parse(printed));
}
