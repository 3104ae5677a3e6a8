import type { CallerOf } from '@holdfast/kit/authentication';
import type { Refusal } from '@holdfast/kit/problem';
import type { Ledger } from '../shards/ledger.ts';
import { answered, type Answered, type Poster } from './poster.ts';
import { prepareTransfer } from './prepare-transfer.ts';
import type { LedgerRefusal } from './refusals.ts';
import type { RouteLegs } from './route-legs.ts';
import type { PostTransferRequest, Transfer } from './transfer.schema.ts';

/** A customer moves his own money; an operator anybody's. */
export class PostTransfer {
  private readonly ledger: Ledger;
  private readonly routes: RouteLegs;
  private readonly poster: Poster;

  constructor(ledger: Ledger, routes: RouteLegs, poster: Poster) {
    this.ledger = ledger;
    this.routes = routes;
    this.poster = poster;
  }

  async post(caller: CallerOf, key: string, request: PostTransferRequest): Promise<Answered<Transfer> | Refusal<LedgerRefusal>> {
    const { shard, posting, show } = await prepareTransfer(this.ledger, this.routes, caller, key, request);
    return answered(await this.poster.post(shard, posting), show);
  }
}
