/** The part of Pulumi that a deployment uses. `pulumi.ts` runs its CLI; the tests run the same program under Pulumi's mocks. */
import * as z from "zod";

export interface StackSettings {
  readonly accountId: string;
  readonly databaseName: string;
  readonly databaseLocation: string;
  readonly domain: { readonly name: string; readonly zoneId: string } | null;
  /** False only before everything is removed. */
  readonly keepData: boolean;
}

/** Those of infra/stack.ts. */
export const stackOutputs = z.object({
  installationId: z.string(),
  databaseId: z.string(),
  operatorSecret: z.string().min(32),
  /** 32 bytes in base64. */
  credentialsKey: z.string().length(44),
  /** 32 bytes in base64. */
  signingSeed: z.string().length(44),
});
export type StackOutputs = z.infer<typeof stackOutputs>;

export interface Infrastructure {
  /** Throws {@link DeployError} naming what is missing on this computer. */
  check(): Promise<void>;
  /** Describes what `update` would change. */
  preview(settings: StackSettings): Promise<string>;
  /** Updates the stack to what the program describes. Repeatable. */
  update(settings: StackSettings): Promise<StackOutputs>;
  /** Null when there is no stack, or nothing in it. */
  read(): Promise<StackOutputs | null>;
  /** Removes every resource and the stack itself, which `update` with `keepData: false` must precede. */
  remove(): Promise<void>;
}
