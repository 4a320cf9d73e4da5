/** A failure of a deployment: what happened, and what to do about it. */
export class DeployError extends Error {
  override readonly name = "DeployError";
  readonly advice: string;

  constructor(message: string, advice: string) {
    super(message);
    this.advice = advice;
  }
}
