/**
 * A fault that the person at the keyboard can mend: the message names the thing and the reason, `next` the commands
 * that mend it, one a line. Anything else that is thrown is a defect.
 */
export class UserError extends Error {
  readonly next: readonly string[];
  readonly exitCode: number;

  constructor(message: string, next: readonly string[] = [], exitCode = 1) {
    super(message);
    this.next = next;
    this.exitCode = exitCode;
  }
}
