import type { CallerOf } from '@holdfast/kit/authentication';
import { isRefusal, type Refusal } from '@holdfast/kit/problem';
import type { Ledger } from '../shards/ledger.ts';
import type { Transit } from '../transit/transit.ts';
import type { Answered } from './poster.ts';
import { prepareTransfer } from './prepare-transfer.ts';
import type { LedgerRefusal } from './refusals.ts';
import type { RouteLegs } from './route-legs.ts';
import type { PostTransferRequest, Transfer } from './transfer.schema.ts';

/** A customer moves his own money; an operator anybody's. */
export class PostTransfer {
  private readonly ledger: Ledger;
  private readonly routes: RouteLegs;
  private readonly transit: Transit;

  constructor(ledger: Ledger, routes: RouteLegs, transit: Transit) {
    this.ledger = ledger;
    this.routes = routes;
    this.transit = transit;
  }

  async post(caller: CallerOf, key: string, request: PostTransferRequest): Promise<Answered<Transfer> | Refusal<LedgerRefusal>> {
    const { shard, posting, show } = await prepareTransfer(this.ledger, this.routes, caller, key, request);
    const posted = await this.transit.post(shard, posting);
    return isRefusal(posted) ? posted : { body: show(posted, posted.status), replayed: posted.replayed };
  }
}
