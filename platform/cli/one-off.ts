import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import type { Instance } from './instance.ts';

/** A program of a service, running in a container of its own. */
export interface OneOff {
  /** Lines of its standard output. */
  readonly lines: AsyncIterable<string>;
  readonly input: Writable;
  readonly output: Readable;
  /** Its exit status, and the end of what it said on standard error. */
  readonly ended: Promise<{ exitCode: number; said: string }>;
  kill(): void;
}

/**
 * Starts a program from the image of a service, with that service's certificate and networks and nothing else of it: neither its memory nor its time, and it
 * need not run. `onSaid` hears what the program says on standard error.
 */
export function startOneOff(instance: Instance, service: string, program: string, args: readonly string[] = [], onSaid: (line: string) => void = () => undefined): OneOff {
  return startProgram(instance, [service, 'node', '--enable-source-maps', `services/${service}/dist/${program}`, ...args], onSaid);
}

/** The same with a program of the setup job, which is source. */
export function startSetupProgram(instance: Instance, program: string, args: readonly string[] = []): OneOff {
  return startProgram(instance, ['setup', 'node', '--disable-warning=ExperimentalWarning', `platform/setup/${program}`, ...args]);
}

function startProgram(instance: Instance, words: readonly string[], onSaid: (line: string) => void = () => undefined): OneOff {
  const { command, environment } = instance.composeCommand(['--progress', 'quiet', '--profile', 'setup', 'run', '--rm', '--no-deps', '--no-TTY', '--interactive', ...words]);
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn('docker', command, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    onSaid(line);
  });
  // It may end before it has read everything.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<{ exitCode: number; said: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ exitCode: code ?? (signal === 'SIGINT' ? 130 : 1), said: said.slice(-12).map((line) => `| ${line}`).join('\n') }));
  });
  // Made when it is asked for: a reader of lines would take the output from whoever reads it as it is.
  return { get lines() { return createInterface({ input: child.stdout }); }, input: child.stdin, output: child.stdout, ended, kill: () => child.kill('SIGTERM') };
}
