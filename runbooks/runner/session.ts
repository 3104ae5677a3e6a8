import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { PROJECT } from '../../platform/cli/versions.ts';

export interface BlockOutcome {
  /** Undefined if it did not end in time, or ended the shell. */
  readonly exit: number | undefined;
  /** Standard output and error together. */
  readonly output: string;
}

/**
 * One bash in the project's directory, as a person has one in front of him: what a block assigns holds in the next. `./holdfast` is the CLI that runs
 * this, on the same instance, without a container of its own for each command.
 */
export class Session {
  private readonly shell: ChildProcessByStdio<Writable, Readable, null>;
  private readonly ended: Promise<void>;
  private hasEnded = false;

  constructor(instance: string, variables: Readonly<Record<string, string>>) {
    this.shell = spawn('bash', ['--noprofile', '--norc'], {
      cwd: PROJECT,
      env: { ...process.env, ...variables, HOLDFAST_INSTANCE: instance, HOLDFAST_NODE: process.execPath, HOLDFAST_MAIN: join(PROJECT, 'platform/cli/main.ts'), HOLDFAST_CALLED_IN: PROJECT },
      // A group of its own: what hangs is ended with all that it started.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.ended = new Promise((resolve) => {
      const over = (): void => {
        this.hasEnded = true;
        resolve();
      };
      this.shell.once('close', over);
      this.shell.once('error', over);
    });
    this.shell.stdin.on('error', () => undefined);
    this.shell.stdin.write('holdfast() { "$HOLDFAST_NODE" --disable-warning=ExperimentalWarning "$HOLDFAST_MAIN" "$@"; }\nexport -f holdfast\n');
  }

  /** Runs a block to its end, or ends the shell when its time is over. `hear` is told the output as it comes. */
  async run(source: string, timeoutMs: number, hear: (text: string) => void = () => undefined): Promise<BlockOutcome> {
    if (this.hasEnded) return { exit: undefined, output: 'the shell has ended' };
    const marker = `end-of-block-${randomUUID()}`;
    let output = '';
    const whole = new Promise<number>((resolve) => {
      const read = (chunk: Buffer): void => {
        output += String(chunk);
        const found = new RegExp(`${marker} (\\d+)\n`).exec(output);
        hear(String(chunk).replace(new RegExp(`${marker} \\d+\n`), ''));
        if (!found) return;
        this.shell.stdout.off('data', read);
        output = output.slice(0, found.index);
        resolve(Number(found[1]));
      };
      this.shell.stdout.on('data', read);
    });
    // Nothing to read from: a command that asks gets no answer, and says so.
    this.shell.stdin.write(`eval ${quoted(asTheCliHasIt(source))} </dev/null 2>&1\nprintf '%s %s\\n' ${marker} "$?"\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => { timer = setTimeout(() => resolve(undefined), timeoutMs); });
    const exit = await Promise.race([whole, late, this.ended.then(() => undefined)]);
    clearTimeout(timer);
    if (exit === undefined) this.end();
    return { exit, output };
  }

  end(): void {
    if (this.hasEnded || this.shell.pid === undefined) return;
    try {
      process.kill(-this.shell.pid, 'SIGTERM');
    } catch (error) {
      // It has just ended by itself.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** A person types ./holdfast, which would start a container for a command that this process can run by itself. */
function asTheCliHasIt(source: string): string {
  return source.replace(/(^|[\s;&|(!])\.\/holdfast(?=\s|$)/gm, '$1holdfast');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
