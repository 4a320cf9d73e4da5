/**
 * Runs the program under Pulumi's mocks, for the tests: `node run-under-mocks.testing.ts PROGRAM` with a {@link Request} on
 * standard input. Prints a {@link Reply}. What a mocked resource was given last time comes back in the same state, as from a real stack.
 */
import { randomBytes } from "node:crypto";
import { resolve as resolvePath } from "node:path";
import { text } from "node:stream/consumers";
import { type Output, runtime } from "@pulumi/pulumi";

interface Request {
  /** As Pulumi's CLI gives it: names with the project's. */
  readonly config: Readonly<Record<string, string>>;
  /** By name: the state of the resources that exist. */
  readonly state: Readonly<Record<string, Resource>>;
  /** The id of a new database. */
  readonly databaseId: string;
}

interface Resource {
  readonly type: string;
  readonly id: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
}

interface Reply {
  readonly outputs: Readonly<Record<string, string>>;
  /** Names of the outputs that Pulumi encrypts. */
  readonly secrets: readonly string[];
  readonly state: Readonly<Record<string, Resource>>;
}

const request = JSON.parse(await text(process.stdin)) as Request;
const options = new Map<string, { readonly protect: boolean; readonly retainOnDelete: boolean }>();
const state: Record<string, Resource> = {};

await runtime.setMocks(
  {
    newResource({ type, name, inputs }) {
      const known = request.state[name];
      const id = known?.id ?? (type.startsWith("cloudflare:index/d1Database") ? request.databaseId : name);
      const outputs = known?.outputs ?? makeOutputs(type, inputs);
      const { protect = false, retainOnDelete = false } = options.get(name) ?? {};
      state[name] = { type, id, inputs, outputs, protect, retainOnDelete };
      return { id, state: { ...inputs, ...outputs } };
    },
    call: () => ({}),
  },
  "samovar",
  "test",
);
runtime.setAllConfig(request.config);
const outputs: [name: string, value: Output<string>][] = [];
await runtime.runInPulumiStack(async () => {
  runtime.registerStackTransformation(({ name, opts }) => {
    const { protect = false, retainOnDelete = false } = opts as { protect?: boolean; retainOnDelete?: boolean };
    options.set(name, { protect, retainOnDelete });
    return undefined;
  });
  const exported = (await import(resolvePath(process.argv[2] ?? "index.ts"))) as Record<string, Output<string>>;
  outputs.push(...Object.entries(exported).filter(([name]) => name !== "default" && name !== "module.exports"));
});

const reply: Reply = {
  outputs: Object.fromEntries(await Promise.all(outputs.map(async ([name, value]) => [name, await resolve(value)]))),
  secrets: (await Promise.all(outputs.map(async ([name, value]) => ((await isSecret(value)) ? [name] : [])))).flat(),
  state,
};
process.stdout.write(JSON.stringify(reply));

function makeOutputs(
  type: string,
  inputs: { readonly length?: number; readonly byteLength?: number; readonly prefix?: string },
) {
  if (!type.startsWith("random:")) return {};
  const bytes = randomBytes(inputs.length ?? inputs.byteLength ?? 0);
  return { hex: `${inputs.prefix ?? ""}${bytes.toString("hex")}`, base64: bytes.toString("base64") };
}

function resolve<T>(value: Output<T>): Promise<T> {
  return new Promise((done) => value.apply(done));
}

function isSecret(value: Output<unknown>): Promise<boolean> {
  return (value as unknown as { readonly isSecret: Promise<boolean> }).isSecret;
}
