import { constants } from 'node:fs';
import { mkdir, open, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BEGINNING, type WalkState } from '../tree/walk.ts';
import { notesOf, readCheckpoint, type Checkpoint } from './checkpoint.ts';
import type { VerifyingKey } from './signing-key.ts';

export const CHECKPOINTS_FILE = 'checkpoints.txt';
/** Several checkpoints fit in; one has about 450 bytes, and a restore's reason has at most 2,000. */
const END_BYTES = 16_384;

/** A place outside of the database where checkpoints are kept: a directory with one file that only grows, and beside it what the next one is computed from. */
export class CheckpointPlace {
  readonly path: string;
  private readonly statePath: string;

  constructor(directory: string) {
    this.path = join(directory, CHECKPOINTS_FILE);
    this.statePath = join(directory, 'tree.json');
  }

  /** All of them, from the first; the file can be larger than the memory. */
  async* readNotes(): AsyncGenerator<string> {
    const file = await open(this.path).catch(unlessMissing(undefined));
    if (!file) return;
    let lines: string[] = [];
    for await (const line of file.readLines()) {
      lines.push(line);
      if (line !== '' || !lines.at(-2)?.startsWith('— ')) continue;
      yield lines.join('\n');
      lines = [];
    }
  }

  /** The last one; throws if it is not signed by this key. What a crash left unfinished after it is passed over. */
  async readLast(key: VerifyingKey): Promise<Checkpoint | undefined> {
    const { whole } = await this.readEnd();
    const note = notesOf(whole).at(-1);
    return note === undefined ? undefined : readCheckpoint(note, key);
  }

  async append(checkpoint: Pick<Checkpoint, 'note'>): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true });
    const file = await open(this.path, constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY, 0o644);
    try {
      await file.writeFile(`${checkpoint.note}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Takes back what a crash in the middle of `append` left. What is cut was never whole, so nobody has relied on it. */
  async mendEnd(): Promise<boolean> {
    const { size, unfinished } = await this.readEnd();
    if (unfinished === 0) return false;
    await truncate(this.path, size - unfinished);
    return true;
  }

  /** Where the walk stood at the last checkpoint. Not trusted: whoever takes it up compares its root with what was signed. */
  async readState(): Promise<WalkState> {
    try {
      return JSON.parse(await readFile(this.statePath, 'utf8')) as WalkState;
    } catch {
      return BEGINNING;
    }
  }

  async writeState(state: WalkState): Promise<void> {
    await writeFile(`${this.statePath}.new`, JSON.stringify(state));
    await rename(`${this.statePath}.new`, this.statePath);
  }

  /** Whole checkpoints at the end of the file, and how many bytes come after the last of them. */
  private async readEnd(): Promise<{ size: number; whole: string; unfinished: number }> {
    const file = await open(this.path).catch(unlessMissing(undefined));
    if (!file) return { size: 0, whole: '', unfinished: 0 };
    try {
      const { size } = await file.stat();
      const length = Math.min(size, END_BYTES);
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
      const text = buffer.toString();
      // A checkpoint ends with the empty line after its signature.
      const ends = [...text.matchAll(/^— \S+ \S+\n\n/gm)].map((match) => match.index + match[0].length);
      const start = size === length ? 0 : (ends[0] ?? 0);
      const end = ends.at(-1) ?? 0;
      return { size, whole: text.slice(start, end), unfinished: Buffer.byteLength(text.slice(end)) };
    } finally {
      await file.close();
    }
  }
}

function unlessMissing<T>(fallback: T): (cause: NodeJS.ErrnoException) => T {
  return (cause) => {
    if (cause.code === 'ENOENT') return fallback;
    throw cause;
  };
}
