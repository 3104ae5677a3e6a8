import { Event, type Position } from '@holdfast/kit/events';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Books, Epochs } from './rebuild.ts';

/**
 * The ledger's books, asked of whoever started this program: a line `{"want": [what, ...]}` goes out, its answer comes in as lines of JSON, the last of which is
 * `{"end": exit status}`. So reporting needs no right to the ledger's databases, and the ledger opens no door: who has the machine stands between them.
 */
export class BooksOverPipes implements Books {
  private readonly lines: AsyncIterator<string>;
  private readonly output: Writable;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(input: Readable, output: Writable) {
    this.lines = createInterface({ input })[Symbol.asyncIterator]();
    this.output = output;
  }

  async epochs(): Promise<Epochs> {
    const epochs = new Map<number, Position[]>();
    for await (const [shard, ofShard] of this.ask<[number, [number, string][]]>('epochs')) epochs.set(shard, ofShard.map(([epoch, sequence]) => ({ epoch, sequence: BigInt(sequence) })));
    return epochs;
  }

  async *events(shard: number, after: bigint, to: bigint): AsyncIterable<Event> {
    for await (const event of this.ask<unknown>('events', String(shard), after.toString(), to.toString())) yield Event.parse(event);
  }

  async *heads(): AsyncIterable<{ account: string; version: string; balance: string }> {
    for await (const [account, version, balance] of this.ask<[string, string, string]>('heads')) yield { account, version, balance };
  }

  async say(line: object): Promise<void> {
    if (!this.output.write(`${JSON.stringify(line)}\n`)) await once(this.output, 'drain');
  }

  /** One question at a time: the answers come on one line. */
  private async *ask<T>(...want: string[]): AsyncIterable<T> {
    const before = this.turn;
    const mine = Promise.withResolvers<undefined>();
    this.turn = mine.promise;
    await before;
    try {
      await this.say({ want });
      for (;;) {
        const { value, done } = await this.lines.next() as IteratorResult<string, undefined>;
        if (done === true || value === undefined) throw new Error(`nobody answers for the ledger's ${want[0]}`);
        const line = JSON.parse(value) as T | { end: number };
        if (typeof line === 'object' && line !== null && 'end' in line) {
          if (line.end !== 0) throw new Error(`the ledger did not tell its ${want[0]} (status ${line.end})`);
          return;
        }
        yield line as T;
      }
    } finally {
      mine.resolve(undefined);
    }
  }
}
