/** `#12` for the address of a pull request; `Pull request` where there is no number. Pure. */
export function pullRequestName(url: string): string {
  const number = /\/(?:pull|pulls|merge_requests)\/(\d+)/.exec(url)?.[1];
  return number === undefined ? "Pull request" : `#${number}`;
}
