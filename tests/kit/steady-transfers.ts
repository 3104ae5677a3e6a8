import { randomBytes, randomUUID } from 'node:crypto';
import type { ApiClient } from '../../platform/cli/api/client.ts';

export interface Attempt {
  key: string;
  traceId: string;
  /** Status of the answer, or 0 where none came. */
  status: number;
  at: number;
  code?: string | undefined;
}

/**
 * A person who transfers one minor unit again and again, one request after the other, and remembers what he was told.
 * `stop` ends it and gives the history: what was acknowledged there must be in the ledger, exactly once.
 */
export class SteadyTransfers {
  readonly history: Attempt[] = [];
  private running = true;
  private readonly finished: Promise<void>;

  constructor(client: ApiClient, from: string, to: string, pauseMs = 50) {
    this.finished = (async () => {
      while (this.running) {
        const key = randomUUID();
        const traceId = randomBytes(16).toString('hex');
        const attempt = await client
          .transfer({ from, to, amountMinor: 1n, currency: 'EUR' }, key, { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` })
          .then(({ status, body }) => ({ status, code: body?.code }), () => ({ status: 0, code: undefined }));
        this.history.push({ key, traceId, ...attempt, at: Date.now() });
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    })();
  }

  get acknowledged(): number {
    return this.history.filter(({ status }) => status === 201).length;
  }

  async stop(): Promise<Attempt[]> {
    this.running = false;
    await this.finished;
    return this.history;
  }
}
