/** The paths of a workspace's files that git works with. */
import { join } from "node:path";

export interface CheckoutPaths {
  /** The checkout. */
  readonly repo: string;
  readonly home: string;
  /** `/tmp` of the programs in a sandbox. */
  readonly tmp: string;
  /** A copy of the fresh checkout's git settings, outside the agent's working directory. */
  readonly trustedConfig: string;
  /** The global git settings for every git command on the node. */
  readonly globalConfig: string;
  /** The git bundle of commits that could not be pushed. */
  readonly bundle: string;
  /** The directory of the clean repository, which no program of the workspace sees. */
  readonly clean: string;
}

/** `directory`: the workspace's, of which its programs see `repo`, `home` and `tmp`. */
export const makeCheckoutPaths = (directory: string): CheckoutPaths => ({
  repo: join(directory, "repo"),
  home: join(directory, "home"),
  tmp: join(directory, "tmp"),
  trustedConfig: join(directory, "trusted.gitconfig"),
  globalConfig: join(directory, "global.gitconfig"),
  bundle: join(directory, "work.bundle"),
  clean: join(directory, "clean"),
});
