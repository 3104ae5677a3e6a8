import { ACCOUNTS, customerOf, type Action, type Part, type Place } from './commands.ts';
import type { Answer, Asked, Invocation, Wish } from './history.ts';
import type { People, Session } from './people.ts';

/** The id of an account that nobody has: bucket 0, a time long ago. */
const NOBODY = '00000000-0001-8000-8000-000000000000';

/** A request as it can be sent again and again: what it asks for, each under its key, and how the answer tells of each. */
export interface Request {
  readonly key: string;
  readonly asked: readonly Asked[];
  readonly session: Session;
  readonly path: string;
  readonly body: unknown;
  readonly split?: (answer: Answer) => readonly Answer[];
}

type Leg = Wish['legs'][number];

/** What clients know of by their acknowledgements, and may act on. */
interface Known {
  readonly id: string;
  readonly wish: Wish;
}

/** Makes requests of commands: puts in the ids that the platform gave. */
export class Requests {
  private readonly people: People;
  /** In all keys and references, so that a seed can be run again on the same platform. */
  private readonly run: string;
  private readonly holds: Known[] = [];
  private readonly transfers: Known[] = [];

  constructor(people: People, run: string) {
    this.people = people;
    this.run = run;
  }

  /** Remembers what was acknowledged, once. */
  learn({ verdict, subjectId, replayed, wish }: Invocation): void {
    if (verdict !== 'acknowledged' || replayed || subjectId === undefined) return;
    if (wish.kind === 'hold') this.holds.push({ id: subjectId, wish });
    if (wish.kind === 'transfer') this.transfers.push({ id: subjectId, wish });
  }

  /** Undefined if there is nothing yet that it could act on. The other variant is another body under the same key. */
  of(worker: number, number: number, action: Exclude<Action, { kind: 'look' }>, variant: '' | '/other'): Request | undefined {
    const key = `${this.run}/${worker}/${number}`;
    const reference = `${key}${variant}`;
    const extra = variant === '' ? 0n : 1n;
    const base = { key, session: this.sessionOf(worker) };
    const person = this.customer(worker)?.subject ?? 'operator';
    const one = (kind: Wish['kind'], legs: readonly Leg[], path: string, body: object, hold?: { hold: string }): Request =>
      ({ ...base, path, body: { ...body, reference }, asked: [{ key, person, wish: { kind, legs, reference, ...hold } }] });
    switch (action.kind) {
      case 'transfer':
      case 'hold': {
        const { from, to, amountMinor } = this.between(action.from, action.to, action.amountMinor + extra);
        const body = { debit_account: from, credit_account: to, amount: String(amountMinor), currency: currencyOf(action.from) };
        return one(action.kind, moving(from, to, amountMinor), action.kind === 'hold' ? '/v1/holds' : '/v1/transfers', body);
      }
      case 'deposit': {
        const account = this.accountAt(action.to);
        const amountMinor = action.amountMinor + extra;
        return one('deposit', [{ account, amountMinor }], `/v1/accounts/${account}/deposits`, { amount: String(amountMinor) });
      }
      case 'split': {
        const legs = this.legsOf(action.from, action.parts, extra);
        const body = legs.map(({ account, amountMinor }) => ({ account, side: amountMinor < 0n ? 'debit' : 'credit', amount: String(amountMinor < 0n ? -amountMinor : amountMinor) }));
        return one('transfer', legs, '/v1/transfers', { legs: body, currency: currencyOf(action.from) });
      }
      case 'capture': {
        const hold = known(this.holds.filter(({ wish }) => worker === 0 || this.isCredited(worker, wish)), action.which);
        if (!hold) return undefined;
        const amountMinor = (held(hold.wish) * BigInt(action.percent)) / 100n + extra;
        const [from, to] = [debited(hold.wish), credited(hold.wish)];
        return one('capture', moving(from, to, amountMinor), `/v1/holds/${hold.id}/capture`, { amount: String(amountMinor) }, { hold: hold.id });
      }
      case 'void': {
        const hold = known(this.holds.filter(({ wish }) => worker === 0 || this.isCredited(worker, wish)), action.which);
        // It has no body, so that there is no other one.
        if (!hold || variant !== '') return undefined;
        return { ...base, path: `/v1/holds/${hold.id}/void`, body: undefined, asked: [{ key, person, wish: { kind: 'void', legs: [], reference, hold: hold.id } }] };
      }
      case 'reverse': {
        const transfer = known(this.transfers.filter(({ wish }) => worker === 0 || this.isCredited(worker, wish)), action.which);
        return transfer && one('reversal', transfer.wish.legs.map(({ account, amountMinor }) => ({ account, amountMinor: -amountMinor })), `/v1/transfers/${transfer.id}/reverse`, {});
      }
      case 'batch': return variant === '' ? this.batch({ ...base, person, from: action.from, parts: action.parts }) : undefined;
    }
  }

  sessionOf(worker: number): Session {
    return this.customer(worker)?.session ?? this.people.operator;
  }

  accountAt(place: Place): string {
    const id = this.people.customers[place.customer]?.accounts[place.account];
    if (!id) throw new Error(`there is no account ${place.account} of customer ${place.customer}`);
    return id;
  }

  /** Each item has a key of its own and an outcome of its own. */
  private batch({ key, session, person, from, parts }: { key: string; session: Session; person: string; from: Place; parts: readonly Part[] }): Request {
    const items = parts.map((part, index) => ({ ...this.between(from, part.to, part.amountMinor), key: `${key}/${index}` }));
    return {
      key, session, path: '/v1/transfers/batch',
      asked: items.map((item) => ({ key: item.key, person, wish: { kind: 'transfer', legs: moving(item.from, item.to, item.amountMinor), reference: item.key } })),
      body: {
        items: items.map((item) => ({
          idempotency_key: item.key, debit_account: item.from, credit_account: item.to, amount: String(item.amountMinor), currency: currencyOf(from), reference: item.key,
        })),
      },
      split: ({ body }) => (body as { items: BatchItem[] }).items.map(({ status, code, transfer, replayed }) => ({
        status, headers: { 'idempotency-replayed': String(replayed) }, body: transfer ?? { code },
      })),
    };
  }

  private between(from: Place, to: Place | 'nobody', amountMinor: bigint): { from: string; to: string; amountMinor: bigint } {
    return { from: this.accountAt(from), to: to === 'nobody' ? NOBODY : this.accountAt(to), amountMinor };
  }

  /** One is debited what the others are credited. Who stands there twice, or on both sides, has made a mistake, as clients do. */
  private legsOf(from: Place, parts: readonly Part[], extra: bigint): Leg[] {
    const credits = parts.map(({ to, amountMinor }) => ({ account: this.accountAt(to), amountMinor: amountMinor + extra }));
    return [{ account: this.accountAt(from), amountMinor: -credits.reduce((sum, { amountMinor }) => sum + amountMinor, 0n) }, ...credits];
  }

  private isCredited(worker: number, wish: Wish): boolean {
    return this.customer(worker)?.accounts.includes(credited(wish)) ?? false;
  }

  private customer(worker: number): People['customers'][number] | undefined {
    const place = customerOf(worker);
    return place === undefined ? undefined : this.people.customers[place];
  }
}

interface BatchItem {
  readonly status: number;
  readonly code: string | null;
  readonly replayed: boolean;
  readonly transfer: unknown;
}

function known(things: readonly Known[], which: number): Known | undefined {
  return things[which % Math.max(1, things.length)];
}

function moving(from: string, to: string, amountMinor: bigint): Leg[] {
  return [{ account: from, amountMinor: -amountMinor }, { account: to, amountMinor }];
}

function debited({ legs }: Wish): string {
  return legs.find(({ amountMinor }) => amountMinor < 0n)?.account ?? '';
}

function credited({ legs }: Wish): string {
  return legs.find(({ amountMinor }) => amountMinor > 0n)?.account ?? '';
}

function held({ legs }: Wish): bigint {
  return legs.find(({ amountMinor }) => amountMinor > 0n)?.amountMinor ?? 0n;
}

function currencyOf(place: Place): string {
  return ACCOUNTS[place.account] ?? 'EUR';
}
