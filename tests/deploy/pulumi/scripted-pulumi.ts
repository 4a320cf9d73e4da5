/**
 * Stands for Pulumi's CLI, which no package registry has: the commands that a deployment runs, on the program that
 * package.json's `main` names, under Pulumi's mocks. Keeps each stack in a file of the backend's directory, and makes and deletes the
 * database at CLOUDFLARE_API_BASE_URL, as the provider would.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as z from "zod";
import { programReply, type ProgramReply, runProgram } from "./run-program.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    "non-interactive": { type: "boolean" },
    create: { type: "boolean" },
    yes: { type: "boolean" },
    "skip-preview": { type: "boolean" },
    json: { type: "boolean" },
    "show-secrets": { type: "boolean" },
    stack: { type: "string" },
    "secrets-provider": { type: "string" },
    config: { type: "string", multiple: true, default: [] },
  },
});
const EMPTY: ProgramReply = { outputs: {}, secrets: [], state: {} };
const command = positionals.join(" ").replace(/^(stack (?:select|rm)) .*$/, "$1");
const name = values.stack ?? positionals[2] ?? "";
const backend = fileURLToPath(readVariable("PULUMI_BACKEND_URL"));
const file = join(backend, `${name}.json`);

switch (command) {
  case "version":
    console.log("v3.276.0");
    break;
  case "stack select":
    if (values["secrets-provider"] !== "passphrase") fail("the secrets would not be encrypted with a passphrase");
    readVariable("PULUMI_CONFIG_PASSPHRASE");
    mkdirSync(backend, { recursive: true });
    if (!existsSync(file)) writeFileSync(file, JSON.stringify(EMPTY));
    break;
  case "preview": {
    const before = readStack();
    const { state } = await run(before, "a database that does not exist yet");
    for (const each of Object.keys(state)) console.log(`${each in before.state ? "same" : "create"} ${each}`);
    break;
  }
  case "up": {
    const before = readStack();
    const after = await run(before, before.state["database"]?.id ?? (await createDatabase()));
    writeFileSync(file, JSON.stringify(after));
    break;
  }
  case "stack output":
    console.log(JSON.stringify(readStack().outputs));
    break;
  case "destroy":
    for (const [each, { type, id, protect, retainOnDelete }] of Object.entries(readStack().state)) {
      if (protect) fail(`${each} is protected`);
      if (type.includes("d1Database") && !retainOnDelete) await callCloudflare("DELETE", `d1/database/${id}`);
    }
    writeFileSync(file, JSON.stringify(EMPTY));
    break;
  case "stack rm":
    if (Object.keys(readStack().state).length > 0) fail("the stack still has resources");
    rmSync(file);
    break;
  default:
    fail(`unknown command ${command}`);
}

function readStack(): ProgramReply {
  return existsSync(file) ? programReply.parse(JSON.parse(readFileSync(file, "utf8"))) : fail(`no stack named ${name}`);
}

/** The configuration of this command, without its project's prefix. */
function readConfig(): Record<string, string> {
  return Object.fromEntries(
    values.config.map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]),
  );
}

function run({ state }: ProgramReply, databaseId: string): Promise<ProgramReply> {
  const { main } = z.object({ main: z.string() }).parse(JSON.parse(readFileSync("package.json", "utf8")));
  return runProgram(join(process.cwd(), main), { config: readConfig(), state, databaseId });
}

async function createDatabase(): Promise<string> {
  const made = await callCloudflare("POST", "d1/database", { name: readConfig()["samovar:databaseName"] });
  return z.object({ result: z.object({ uuid: z.string() }) }).parse(made).result.uuid;
}

async function callCloudflare(method: string, path: string, body?: unknown): Promise<unknown> {
  const account = readVariable("SCRIPTED_ACCOUNT");
  const response = await fetch(`${readVariable("CLOUDFLARE_API_BASE_URL")}/accounts/${account}/${path}`, {
    method,
    headers: { authorization: `Bearer ${readVariable("CLOUDFLARE_API_TOKEN")}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) fail(`${method} ${path}: ${response.status}`);
  return response.json();
}

function readVariable(variable: string): string {
  return process.env[variable] ?? fail(`${variable} is not set`);
}

function fail(reason: string): never {
  console.error(`error: ${reason}`);
  process.exit(1);
}
