import { spawn } from 'node:child_process';

/** What a program in a place answered. Bytes, as WAL is among them. */
export interface Answer {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Where a cluster is restored: a container for each of them, or one for all. Programs of Postgres and pgBackRest are there, and the repository at /repository. */
export interface Place {
  readonly dataDirectory: string;
  readonly socketDirectory: string;
  readonly temporaryDirectory: string;
  /** Configuration file of pgBackRest. */
  readonly configurationFile: string;
  run(command: readonly string[], input?: Buffer): Promise<Answer>;
}

/** Runs a program; never throws for its exit status. */
export function answerOf(program: string, args: readonly string[], input: Buffer = Buffer.alloc(0)): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    // It may end before it has read everything; its exit status tells.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code) => resolve({ exitCode: code ?? 1, stdout: Buffer.concat(output), stderr }));
  });
}

/** The same for a program whose failure is a failure of what we are doing. */
export async function mustAnswer(place: Pick<Place, 'run'>, command: readonly string[], input?: Buffer): Promise<Buffer> {
  const { exitCode, stdout, stderr } = await place.run(command, input);
  if (exitCode !== 0) throw new Error(`${command.join(' ').slice(0, 300)} exited ${exitCode}: ${(stderr.trim() || stdout.toString().trim()).slice(-2000)}`);
  return stdout;
}

/** pgBackRest's settings for reading a repository that it finds at /repository, for one cluster in one place. */
export function readingConfiguration(place: Place, cluster: string, passphrase: string, processes: number): string {
  return [
    '[global]', 'repo1-path=/repository', 'repo1-cipher-type=aes-256-cbc', `repo1-cipher-pass=${passphrase}`,
    `process-max=${processes}`, `lock-path=${place.temporaryDirectory}`, `spool-path=${place.temporaryDirectory}`, 'log-level-file=off', 'log-level-console=warn', 'log-level-stderr=off', 'log-timestamp=n',
    `[${cluster}]`, `pg1-path=${place.dataDirectory}`, `pg1-socket-path=${place.socketDirectory}`,
  ].join('\n') + '\n';
}
