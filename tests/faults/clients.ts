import { setTimeout as pause } from 'node:timers/promises';
import { ACCOUNTS, commandsOf, customerOf, WORKERS, type Action, type Command, type Place } from './commands.ts';
import { HEALED } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import type { Answer, History, Invocation, Wish } from './history.ts';
import type { People, Session } from './people.ts';

/** A client that does not know what became of its request asks again after this. */
const ASK_AGAIN_MS = 500;
/** The id of an account that nobody has: bucket 0, a time long ago. */
const NOBODY = '00000000-0001-8000-8000-000000000000';

/** A request as it can be sent again and again under its key. */
interface Request {
  readonly key: string;
  readonly person: string;
  readonly session: Session;
  readonly wish: Wish;
  readonly path: string;
  readonly body: Readonly<Record<string, string>>;
}

/** The clients of a run at work: each through the commands of its seed, until they are told to stop. */
export class Clients {
  /** Keys whose outcome their clients want to know in the end. */
  readonly insisted = new Set<string>();
  private readonly history: History;
  private readonly people: People;
  private readonly seed: number;
  /** In all keys and references, so that a seed can be run again on the same platform. */
  private readonly run: string;
  private stopping = false;
  private readonly requests = new Map<string, Request>();
  private working: Promise<unknown> = Promise.resolve();

  constructor(options: { history: History; people: People; seed: number; run: string }) {
    this.history = options.history;
    this.people = options.people;
    this.seed = options.seed;
    this.run = options.run;
  }

  start(): void {
    this.working = Promise.all(WORKERS.map((worker) => this.work(worker)));
  }

  /** Lets each finish the request that it waits for. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.working;
  }

  /** Asks again for every outcome that a client wants to know and does not, until all are told or the budget has passed. */
  async resolve(): Promise<void> {
    await Promise.all([...this.insisted].map(async (key) => {
      const request = this.requests.get(key);
      if (!request || this.isKnown(key)) return;
      await within(HEALED, `the outcome of ${key}`, async () => (isDecided(await this.send(request)) ? true : undefined)).catch(() => undefined);
    }));
  }

  private async work(worker: number): Promise<void> {
    let number = 0;
    for (const command of commandsOf(this.seed, worker)) {
      if (this.stopping) return;
      number++;
      if (command.action.kind === 'look') await this.look(worker, command.action.at);
      else await this.perform(command, this.requestOf(worker, number, command.action, ''), this.requestOf(worker, number, command.action, '/other'));
      await pause(command.pauseMs);
    }
  }

  private async perform(command: Command, request: Request, other: Request): Promise<void> {
    this.requests.set(request.key, request);
    const together = command.manner === 'at_once' ? Array.from({ length: command.copies }, () => request) : [request];
    // With an even number the other body comes at the same time, else after the answer.
    const otherAtOnce = command.manner === 'other_body' && command.copies % 2 === 0;
    const first = await Promise.all([...together, ...(otherAtOnce ? [other] : [])].map((one) => this.send(one)));
    if (command.insists) this.insisted.add(request.key);
    let known = first.some(isDecided);
    while (command.insists && !known && !this.stopping) {
      await pause(ASK_AGAIN_MS);
      known = isDecided(await this.send(request));
    }
    if (command.manner === 'again') await this.send(request);
    if (command.manner === 'other_body' && !otherAtOnce) await this.send(other);
  }

  private async look(worker: number, at: Place): Promise<void> {
    const account = this.accountAt(at);
    await this.history.read(account, () => this.sessionOf(worker).call('GET', `/v1/accounts/${account}`));
  }

  private send(request: Request): Promise<Invocation> {
    const { key, person, wish, session, path, body } = request;
    return this.history.invoke({ key, person, wish }, (): Promise<Answer> => session.call('POST', path, body, { 'idempotency-key': key }));
  }

  /** The other body differs in its amount, and says so in its reference. */
  private requestOf(worker: number, number: number, action: Exclude<Action, { kind: 'look' }>, variant: '' | '/other'): Request {
    const key = `${this.run}/${worker}/${number}`;
    const reference = `${key}${variant}`;
    const amountMinor = action.amountMinor + (variant === '' ? 0n : 1n);
    const to = action.to === 'nobody' ? NOBODY : this.accountAt(action.to);
    const session = this.sessionOf(worker);
    const person = this.customer(customerOf(worker))?.subject ?? 'operator';
    if (action.kind === 'deposit') {
      const wish = { kind: 'deposit' as const, reference, legs: [{ account: to, amountMinor }] };
      return { key, person, session, wish, path: `/v1/accounts/${to}/deposits`, body: { amount: String(amountMinor), reference } };
    }
    const from = this.accountAt(action.from);
    const wish = { kind: 'transfer' as const, reference, legs: [{ account: from, amountMinor: -amountMinor }, { account: to, amountMinor }] };
    const currency = ACCOUNTS[action.from.account] ?? 'EUR';
    return { key, person, session, wish, path: '/v1/transfers', body: { debit_account: from, credit_account: to, amount: String(amountMinor), currency, reference } };
  }

  private isKnown(key: string): boolean {
    return this.history.invocations.some((invocation) => invocation.key === key && isDecided(invocation));
  }

  private customer(place: number | undefined): People['customers'][number] | undefined {
    return place === undefined ? undefined : this.people.customers[place];
  }

  private sessionOf(worker: number): Session {
    return this.customer(customerOf(worker))?.session ?? this.people.operator;
  }

  private accountAt(place: Place): string {
    const id = this.people.customers[place.customer]?.accounts[place.account];
    if (!id) throw new Error(`there is no account ${place.account} of customer ${place.customer}`);
    return id;
  }
}

/** Whether the client knows now: also if the key turned out to belong to another body. */
function isDecided({ verdict }: Invocation): boolean {
  return verdict === 'acknowledged' || verdict === 'refused' || verdict === 'reused';
}
