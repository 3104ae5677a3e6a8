import { performance } from 'node:perf_hooks';

/** What a request would change: signed minor units an account, of customers only. The platform's own accounts take the other side. */
export interface Wish {
  readonly kind: 'transfer' | 'deposit' | 'reversal' | 'hold' | 'capture' | 'void';
  /** Of a hold: what its capture would move. Of a void: nothing. */
  readonly legs: readonly { readonly account: string; readonly amountMinor: bigint }[];
  /** Of this one body under this one key. In the request, and in the ledger beside what came of it, but for voids, which carry none. */
  readonly reference: string;
  /** Of a capture and a void: which hold. */
  readonly hold?: string;
}

/**
 * What a client knows from an answer.
 * acknowledged: it is done. under_way: the money has left for another shard, and will arrive there or come back.
 * refused: it is not done, and never will be under this key. reused: the key belongs to another body.
 * nothing: it was turned away at the door (429, 401, in flight), which says nothing of other attempts. unknown: anything may have become of it.
 */
export type Verdict = 'acknowledged' | 'under_way' | 'refused' | 'reused' | 'nothing' | 'unknown';

/** One request and its answer. Times are of one monotonic clock, in milliseconds. */
export interface Invocation {
  readonly key: string;
  readonly person: string;
  readonly wish: Wish;
  readonly startMs: number;
  readonly endMs: number;
  readonly verdict: Verdict;
  /** 0 where no answer came. */
  readonly status: number;
  readonly code: string | undefined;
  /** Id of the transfer or hold that an acknowledgement names. */
  readonly subjectId: string | undefined;
  /** The answer to the letter, without what differs from request to request. */
  readonly answer: string;
  readonly replayed: boolean;
}

/** A look at an account. */
export interface Reading {
  readonly account: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly balanceMinor: bigint;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export interface Asked {
  readonly key: string;
  readonly person: string;
  readonly wish: Wish;
}

/** Everything that clients asked and were told. */
export class History {
  readonly invocations: Invocation[] = [];
  readonly readings: Reading[] = [];

  /** Sends a request and records it, also if no answer came: an invocation for each thing that it asks for. */
  async invoke(asked: readonly Asked[], send: () => Promise<Answer>, split: (answer: Answer) => readonly Answer[] = (answer) => asked.map(() => answer)): Promise<Invocation[]> {
    const startMs = performance.now();
    const answer = await send().catch((cause: unknown): Answer => ({ status: 0, headers: {}, body: (cause as Error).message }));
    const endMs = performance.now();
    // Only an answer to the whole has parts; what went wrong with it went wrong with all of them.
    const answers = answer.status === 200 || answer.status === 201 ? split(answer) : asked.map(() => answer);
    const invocations = asked.map((one, index) => ({ ...one, startMs, endMs, ...understood(answers[index] ?? { status: 0, headers: {}, body: 'left out of the answer' }) }));
    this.invocations.push(...invocations);
    return invocations;
  }

  /** A reading that fails tells nothing and is not kept. */
  async read(account: string, look: () => Promise<Answer>): Promise<void> {
    const startMs = performance.now();
    const answer = await look().catch(() => undefined);
    const balance = answer?.status === 200 ? (answer.body as { balance?: string }).balance : undefined;
    if (balance !== undefined) this.readings.push({ account, startMs, endMs: performance.now(), balanceMinor: BigInt(balance) });
  }
}

/** What an answer of the platform says. `idempotency_in_flight` and what the gateway turns away leave open what an earlier attempt became. */
export function understood(answer: Answer): Pick<Invocation, 'verdict' | 'status' | 'code' | 'subjectId' | 'answer' | 'replayed'> {
  const body = typeof answer.body === 'object' && answer.body !== null ? (answer.body as Record<string, unknown>) : { text: answer.body };
  const code = typeof body.code === 'string' ? body.code : undefined;
  const { trace_id: _, ...lasting } = body;
  return {
    verdict: verdictOf(answer.status, code, body.status),
    status: answer.status,
    code,
    subjectId: typeof body.id === 'string' ? body.id : undefined,
    answer: JSON.stringify(lasting),
    replayed: answer.headers['idempotency-replayed'] === 'true',
  };
}

const TURNED_AWAY = [401, 408, 425, 429];

function verdictOf(status: number, code: string | undefined, became: unknown): Verdict {
  // To another shard: the answer tells how far it has come.
  if (became === 'pending') return 'under_way';
  if (became === 'returned') return 'refused';
  if (status >= 200 && status < 300) return 'acknowledged';
  if (code === 'idempotency_key_reused') return 'reused';
  if (code === 'idempotency_in_flight' || code === 'transfer_pending' || TURNED_AWAY.includes(status)) return 'nothing';
  return status >= 400 && status < 500 ? 'refused' : 'unknown';
}
