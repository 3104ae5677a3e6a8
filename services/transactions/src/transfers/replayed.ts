import { isRefusal, type Refusal } from '@holdfast/kit/problem';
import type { Answered } from './poster.ts';
import { answer, type LedgerRefusal } from './refusals.ts';

interface Reply {
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

/** The body of an answer, or the problem of a refusal; a header says if it is the answer of an earlier request with the same key. */
export function answerOf<T>(outcome: Answered<T> | Refusal<LedgerRefusal>, reply: Reply): T {
  if (isRefusal(outcome)) return answer(outcome) as never;
  if (outcome.replayed) reply.header('idempotency-replayed', 'true');
  // Taken, and not yet at its end.
  if (isPending(outcome.body)) reply.status(202);
  return outcome.body;
}

function isPending(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'status' in body && body.status === 'pending';
}
