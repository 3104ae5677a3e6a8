import type { Database } from '@holdfast/kit/postgres';
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { appendOccurrences, type Occurrence } from '../log/append-events.ts';
import type { Source } from './source-loop.ts';
import { moveSourcePosition, readSourcePosition } from './sources.store.ts';

const TOPIC = 'operator.commands';
const READ_BYTES = 65_536;

/** A line of the file, as `platform/cli/operator-log.ts` writes it. */
const Line = z.looseObject({ id: z.uuid(), type: z.string().regex(/^operator\./), at: z.iso.datetime(), actor: z.string() });

/** Takes in what operators did with `./holdfast`, from the file that the CLI appends to: also what was done while nothing ran. */
export class OperatorCommands implements Source {
  readonly name = 'operator commands';
  readonly number = 1;
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Position and entries move in one transaction, so that each line has one entry. */
  async read(database: Database): Promise<boolean> {
    return database.transaction(async (connection) => {
      const position = Number(await readSourcePosition(connection, this.name));
      const { size, text } = await this.textFrom(position);
      if (size < position) {
        await appendOccurrences(connection, TOPIC, [{
          id: idOf(`shrunk ${position} ${size} ${Date.now()}`), type: 'operator.log_cut', occurredAt_ms: Date.now(), actor: 'audit', data: { had_bytes: position, has_bytes: size, outcome: 'failure' },
        }]);
        await moveSourcePosition(connection, this.name, 0n);
        return true;
      }
      const whole = text.slice(0, text.lastIndexOf('\n') + 1);
      if (whole === '') return false;
      const lines = whole.slice(0, -1).split('\n');
      await appendOccurrences(connection, TOPIC, lines.map((line, index) => occurrenceOf(line, position, index)));
      const taken_bytes = Buffer.byteLength(whole);
      await moveSourcePosition(connection, this.name, BigInt(position + taken_bytes));
      return position + taken_bytes < size;
    });
  }

  private async textFrom(position: number): Promise<{ size: number; text: string }> {
    const file = await open(this.path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined;
      throw cause;
    });
    if (!file) return { size: 0, text: '' };
    try {
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, position);
      return { size, text: buffer.subarray(0, bytesRead).toString() };
    } finally {
      await file.close();
    }
  }
}

/** A line that is none of ours is evidence as well. */
function occurrenceOf(text: string, position: number, index: number): Occurrence {
  const parsed = Line.safeParse(jsonOf(text));
  if (!parsed.success) {
    return { id: idOf(`${position} ${index} ${text}`), type: 'operator.line_unreadable', occurredAt_ms: Date.now(), actor: 'audit', data: { line: text.slice(0, 4_000), outcome: 'failure' } };
  }
  const { id, type, at, actor, ...data } = parsed.data;
  return { id, type, occurredAt_ms: Date.parse(at), actor, data };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A UUID of version 8 that follows from what it names. */
export function idOf(text: string): string {
  const digits = createHash('sha256').update(text).digest('hex');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-8${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}
