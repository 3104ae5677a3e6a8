import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';

export interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Appends everything that the program prints to this file instead of keeping it. */
  logFile?: string;
  /** Hands the terminal to the program. */
  inherit?: boolean;
  input?: string;
  environment?: Record<string, string>;
}

/** Runs a program to its end. Never throws for a non-zero exit: see `must`. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: options.inherit ? 'inherit' : [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.environment },
    });
    let stdout = '';
    let stderr = '';
    const log = options.logFile ? createWriteStream(options.logFile, { flags: 'a' }) : undefined;
    child.stdout?.on('data', (chunk: Buffer) => (log ? log.write(chunk) : (stdout += chunk)));
    child.stderr?.on('data', (chunk: Buffer) => (log ? log.write(chunk) : (stderr += chunk)));
    if (options.input !== undefined) child.stdin?.end(options.input);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      log?.end();
      resolve({ exitCode: code ?? (signal === 'SIGINT' ? 130 : 1), stdout, stderr });
    });
  });
}

/** The end of a log file, each line marked as quoted. */
export async function lastLines(logFile: string, count = 12): Promise<string[]> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-count).map((line) => `| ${line}`);
}

/** Runs a program whose failure is a failure of what we are doing; the error carries what it printed. */
export async function must(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await run(program, args, options);
  if (outcome.exitCode !== 0) {
    throw new Error(`${program} ${args.join(' ')} exited ${outcome.exitCode}: ${(outcome.stderr || outcome.stdout).trim().slice(-2000)}`);
  }
  return outcome.stdout;
}

export function docker(...args: string[]): Promise<string> {
  return must('docker', args);
}
