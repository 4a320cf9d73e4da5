/** For tests: users as workspaces have them, of the computer's own register, so that no other test has the same. */
import { mkdirSync } from "node:fs";
import type { HostUser } from "@samovar/contracts";
import { clearUser } from "./end-user.ts";
import { TRIAL_ID, UserRegistry } from "./user-registry.ts";

/** Whether tests can change users. */
export const CAN_CHANGE_USERS = process.platform === "linux" && process.getuid?.() === 0;

export const TRIAL_USER: HostUser = { id: TRIAL_ID, setpriv: "/usr/bin/setpriv" };

const registry = new UserRegistry("/var/lib/samovar-users");

export interface TestUser extends HostUser {
  end(): Promise<void>;
}

/** `workspace`: a directory of the test's, which is made. */
export async function giveUser(workspace: string): Promise<TestUser> {
  mkdirSync(workspace, { recursive: true });
  const user = { ...TRIAL_USER, id: registry.give(workspace).id };
  await clearUser(user);
  const end = async () => {
    await clearUser(user);
    registry.release(workspace);
  };
  return { ...user, end };
}
