import type { Position } from '@holdfast/kit/events';
import { takeIn } from '@holdfast/kit/intake';
import type { ReceivedEvent } from '@holdfast/kit/kafka';
import { underLock, type Connection, type Database } from '@holdfast/kit/postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockPosition, movePosition } from '../read-models/apply-events.ts';
import { project } from '../read-models/project.ts';
import {
  abandonRebuild, beginRebuild, compareModels, disagreeing, finishRebuild, hasReached, holdStill, readPositions, REBUILD_LOCK, type Difference, type Head, type Positions,
} from './rebuild.store.ts';

const HEADS_AT_ONCE = 2_000;
/** After this long without an event from Kafka, what is missing is asked of the ledger. */
const SILENCE_MS = 5_000;
/** How long everything that applies events may be held up; then it is let go, and the end tried again. */
const HELD_MAX_MS = 3_000;
const ATTEMPTS_MAX = 20;
/** How long the ledger's newest entries may take until they are events here. */
const AGREE_WITHIN_MS = 60_000;

/** The ledger's own books: what Kafka does not have any more, and what the balances must be. */
export interface Books {
  /** Of every shard its epochs in order, each with the number of its last event: of what was told in an epoch beyond that, a restore has undone all. */
  epochs(): Promise<Epochs>;
  events(shard: number, after: bigint, to: bigint): AsyncIterable<ReceivedEvent['event']>;
  heads(): AsyncIterable<Head>;
}

export type Epochs = ReadonlyMap<number, readonly Position[]>;

/** Where the ledger stands, by its epochs. */
function ends(epochs: Epochs): Positions {
  return new Map([...epochs].flatMap(([shard, ofShard]) => { const last = ofShard.at(-1); return last ? [[shard, last] as const] : []; }));
}

/** Whether an event still holds: it is one of its epoch's, and none that was told before the epoch began, or after it was to be the last. */
export function stillHolds(epochs: readonly Position[], { epoch, sequence }: Position): boolean {
  const place = epochs.findIndex((one) => one.epoch === epoch);
  const [before, its] = [epochs[place - 1], epochs[place]];
  if (its === undefined) return false;
  return sequence > (before?.sequence ?? 0n) && (place === epochs.length - 1 || sequence <= its.sequence);
}

/** Events of the topic from its first on, given to `apply` until stopped. */
export type Replay = (apply: (events: readonly ReceivedEvent[]) => Promise<void>) => { stop(): Promise<void> };

export interface Rebuilt {
  readonly accounts: number;
  readonly lines: number;
  readonly events: number;
  /** How many of them Kafka did not have any more. */
  readonly events_of_the_journal: number;
  /** How the read models were that were replaced. */
  readonly differences_count: number;
  readonly differences: readonly Difference[];
  /** Accounts of the ledger that were compared. */
  readonly agreed: number;
}

/** The new read models are not what the ledger says: they were thrown away. */
export class Disagreement extends Error {
  override name = 'Disagreement';
}

export class Busy extends Error {
  override name = 'Busy';
}

export interface RebuildOptions {
  readonly live: Database;
  readonly fresh: Database;
  readonly topic: string;
  readonly replay: Replay;
  readonly books: Books;
  say(what: string): void;
  readonly silenceMs?: number;
  readonly agreeWithinMs?: number;
}

/**
 * Builds all read models anew beside the old ones, proves them against the ledger, and puts them in the place of the old ones in one transaction. Events go on
 * being applied to the old ones until then. `fresh` is a database whose unqualified names mean schema `rebuild`.
 */
export async function rebuild(options: RebuildOptions): Promise<Rebuilt> {
  const { live } = options;
  const rebuilt = await live.session((lock) => underLock(lock, [REBUILD_LOCK], () => buildAndSwap(options)));
  if (!rebuilt) throw new Busy('another rebuild is under way');
  return rebuilt;
}

async function buildAndSwap(options: RebuildOptions): Promise<Rebuilt> {
  const { live, books, say } = options;
  const epochs = await books.epochs();
  const filler = new Filler(options, epochs);
  let replay: ReturnType<Replay> | undefined;
  try {
    await beginRebuild(live);
    replay = options.replay((events) => filler.take(events));
    say('reading Kafka from its first event');
    const before = new Date();
    await filler.reach(await readPositions(live, 'public', options.topic), ends(epochs));
    say('comparing with the ledger');
    const agreed = await agree(options);
    say('comparing with the read models so far');
    // A few seconds for what was told to both and has reached one.
    const comparison = await whenLevel(options, filler, () => beginComparison(live, new Date(before.getTime() - 5_000)));
    const compared = await comparison.result;
    say('swapping');
    await whenLevel(options, filler, finishRebuild);
    return {
      accounts: compared.accounts, lines: compared.lines, events: filler.applied, events_of_the_journal: filler.fromJournal,
      differences_count: compared.count, differences: compared.first, agreed,
    };
  } catch (cause) {
    await replay?.stop().catch(() => undefined);
    await abandonRebuild(live).catch(() => undefined);
    throw cause;
  } finally {
    await replay?.stop();
  }
}

/** Brings the new read models forward, one batch at a time, whoever has it. */
class Filler {
  applied = 0;
  fromJournal = 0;
  private readonly options: Parameters<typeof rebuild>[0];
  private readonly epochs: Epochs;
  private lastHeard = performance.now();
  private taking = 0;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(options: Parameters<typeof rebuild>[0], epochs: Epochs) {
    this.options = options;
    this.epochs = epochs;
  }

  /** Events as Kafka has them. If it does not begin where we stand, the ledger is asked for those between. */
  async take(events: readonly ReceivedEvent[]): Promise<void> {
    if (events.length === 0) return;
    this.taking += 1;
    try {
      await this.takeAll(events);
    } finally {
      this.taking -= 1;
      this.lastHeard = performance.now();
    }
  }

  private async takeAll(events: readonly ReceivedEvent[]): Promise<void> {
    for (const [shard, told] of Map.groupBy(events, ({ event }) => event.shard)) {
      const ofShard = this.ofThisPast(shard, told);
      if (ofShard.length === 0) continue;
      const gap = await this.alone(() => this.apply(shard, ofShard));
      if (gap === undefined) continue;
      await this.fill(shard, gap.after, gap.first - 1n);
      if (await this.alone(() => this.apply(shard, ofShard)) !== undefined) throw new Error(`the journal of shard ${shard} has no event ${gap.first - 1n}`);
    }
  }

  /** Waits until all of these have been applied; what Kafka does not tell in time comes from the ledger. */
  async reach(...targets: readonly Positions[]): Promise<void> {
    const { fresh, topic, say, silenceMs = SILENCE_MS } = this.options;
    for (;;) {
      const now = await readPositions(fresh, 'rebuild', topic);
      const at = (shard: number): bigint => now.get(shard)?.sequence ?? 0n;
      const behind = targets.flatMap((target) => [...target]).filter(([shard, position]) => !hasReached(now.get(shard), position));
      const [first] = behind;
      if (!first) return;
      say(behind.map(([shard, { sequence }]) => `shard ${shard}: event ${at(shard)} of ${sequence}`).join(', '));
      // Where the read models stand in an epoch that was ended, the numbers of the one after it may be lower: so as far as the ledger tells.
      if (this.taking === 0 && performance.now() - this.lastHeard > silenceMs) await this.fill(first[0], at(first[0]), this.lastOf(first[0], first[1]));
      else await sleep(250);
    }
  }

  /** Without what was told in an epoch that was ended, beyond its end. */
  private ofThisPast(shard: number, events: readonly ReceivedEvent[]): ReceivedEvent[] {
    const epochs = this.epochs.get(shard) ?? [];
    const newest = epochs.at(-1)?.epoch ?? 1;
    return events.filter(({ event }) => event.epoch > newest || epochs.length < 2 || stillHolds(epochs, { epoch: event.epoch, sequence: BigInt(event.sequence) }));
  }

  private lastOf(shard: number, { epoch, sequence }: Position): bigint {
    const last = this.epochs.get(shard)?.at(-1);
    return last && last.epoch > epoch ? last.sequence : sequence;
  }

  private async fill(shard: number, after: bigint, to: bigint): Promise<void> {
    const { books, say, topic } = this.options;
    say(`shard ${shard}: events ${after + 1n} to ${to} from the ledger, as Kafka has them no more`);
    let batch: ReceivedEvent[] = [];
    const flush = async (): Promise<void> => {
      const before = this.applied;
      const gap = batch.length > 0 ? await this.alone(() => this.apply(shard, batch)) : undefined;
      if (gap) throw new Error(`the journal of shard ${shard} has no event ${gap.after + 1n}`);
      this.fromJournal += this.applied - before;
      batch = [];
      this.lastHeard = performance.now();
    };
    for await (const event of books.events(shard, after, to)) {
      batch.push({ event, text: '', topic, partition: shard, offset: '' });
      if (batch.length >= 500) await flush();
    }
    await flush();
  }

  /** Applies what comes next. Returns where there is a gap, if there is one. */
  private async apply(shard: number, events: readonly ReceivedEvent[]): Promise<{ after: bigint; first: bigint } | undefined> {
    const { fresh, topic } = this.options;
    const stream = { topic, shard, events };
    const intake = await fresh.transaction(async (connection) => {
      const found = takeIn(stream, await lockPosition(connection, stream));
      if (found.next.length > 0 && found.position) {
        await project(connection, found.next.map(({ event }) => event));
        await movePosition(connection, stream, found.position);
      }
      return found;
    });
    this.applied += intake.next.length;
    if (!intake.refusal) return undefined;
    const { reason, received } = intake.refusal;
    if (reason !== 'gap') throw new Error(`shard ${shard}: ${reason} at epoch ${received.event.epoch} sequence ${received.event.sequence}`);
    return { after: intake.position?.sequence ?? 0n, first: BigInt(received.event.sequence) };
  }

  private alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }
}

/** Holds the new read models against every balance of the ledger. What was posted a moment ago is waited for. */
async function agree({ live, books, say, agreeWithinMs = AGREE_WITHIN_MS }: Parameters<typeof rebuild>[0]): Promise<number> {
  let compared = 0;
  let open: Head[] = [];
  let batch: Head[] = [];
  const check = async (): Promise<void> => {
    open.push(...await disagreeing(live, batch));
    compared += batch.length;
    batch = [];
    say(`comparing with the ledger: ${compared} accounts`);
  };
  for await (const head of books.heads()) {
    batch.push(head);
    if (batch.length >= HEADS_AT_ONCE) await check();
  }
  await check();
  for (const deadline = performance.now() + agreeWithinMs; open.length > 0;) {
    if (performance.now() > deadline) {
      throw new Disagreement(`${open.length} accounts are not what the ledger says, such as ${open.slice(0, 5).map(({ account, version, balance }) => `${account} (entry ${version}, balance ${balance})`).join(', ')}`);
    }
    await sleep(250);
    open = await disagreeing(live, open);
  }
  return compared;
}

/**
 * Does `work` at a moment when the new read models are not behind the old ones: what applies events to the old ones is held still until then, and until it has
 * been done. `work` gets the connection of the transaction that holds it.
 */
async function whenLevel<T>({ live, fresh, topic }: Parameters<typeof rebuild>[0], filler: Filler, work: (connection: Connection) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    await filler.reach(await readPositions(live, 'public', topic));
    try {
      return await live.transaction(async (connection) => {
        await connection.query(`SET LOCAL lock_timeout = '2s'`);
        await holdStill(connection);
        const old = await readPositions(connection, 'public', topic);
        for (const deadline = performance.now() + HELD_MAX_MS; ;) {
          const now = await readPositions(fresh, 'rebuild', topic);
          if ([...old].every(([shard, position]) => hasReached(now.get(shard), position))) break;
          if (performance.now() > deadline) throw new Error('the new read models do not come up with the old ones');
          await sleep(20);
        }
        return await work(connection);
      });
    } catch (cause) {
      if (attempt >= ATTEMPTS_MAX) throw cause;
      await sleep(500);
    }
  }
}

type Compared = Awaited<ReturnType<typeof compareModels>>;

/** Resolves once both read models are seen as of one moment; what the comparison of that moment finds comes later, and holds nobody up. */
function beginComparison(live: Database, before: Date): Promise<{ result: Promise<Compared> }> {
  return new Promise((resolve, reject) => {
    const result = live.transaction(async (connection) => {
      await connection.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await connection.query('SELECT');
      resolve({ result });
      return compareModels(connection, before);
    });
    result.catch(reject);
  });
}
