import { setTimeout as pause } from 'node:timers/promises';
import { HEALED } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import { commandsOf, WORKERS, type Command, type Place } from './commands.ts';
import type { History, Invocation } from './history.ts';
import type { People } from './people.ts';
import { Requests, type Request } from './requests.ts';

/** A client that does not know what became of its request asks again after this. */
const ASK_AGAIN_MS = 500;

/** The clients of a run at work: each through the commands of its seed, until they are told to stop. */
export class Clients {
  private readonly history: History;
  private readonly requests: Requests;
  private readonly seed: number;
  /** Requests whose outcome their clients want to know in the end. */
  private readonly insisted: Request[] = [];
  private stopping = false;
  private working: Promise<unknown> = Promise.resolve();

  constructor(options: { history: History; people: People; seed: number; run: string }) {
    this.history = options.history;
    this.requests = new Requests(options.people, options.run);
    this.seed = options.seed;
  }

  start(): void {
    this.working = Promise.all(WORKERS.map((worker) => this.work(worker)));
  }

  /** Lets each finish the request that it waits for. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.working;
  }

  get insistedKeys(): ReadonlySet<string> {
    return new Set(this.insisted.flatMap(({ asked }) => asked.map(({ key }) => key)));
  }

  /** Asks again for every outcome that a client wants to know and does not, until all are told or the budget has passed. */
  async resolve(): Promise<void> {
    const known = new Set(this.history.invocations.filter(isDecided).map(({ key }) => key));
    const open = this.insisted.filter(({ asked }) => asked.some(({ key }) => !known.has(key)));
    await Promise.all(open.map((request) => within(HEALED, `the outcome of ${request.key}`, async () => ((await this.isTold(request)) ? true : undefined)).catch(() => undefined)));
  }

  private async work(worker: number): Promise<void> {
    let number = 0;
    for (const command of commandsOf(this.seed, worker)) {
      if (this.stopping) return;
      number++;
      if (command.action.kind === 'look') await this.look(worker, command.action.at);
      else {
        const request = this.requests.of(worker, number, command.action, '');
        if (request) await this.perform(command, request, command.manner === 'other_body' ? this.requests.of(worker, number, command.action, '/other') : undefined);
      }
      await pause(command.pauseMs);
    }
  }

  private async perform(command: Command, request: Request, other: Request | undefined): Promise<void> {
    const together = command.manner === 'at_once' ? Array.from({ length: command.copies }, () => request) : [request];
    // With an even number the other body comes at the same time, else after the answer.
    const otherAtOnce = other !== undefined && command.copies % 2 === 0;
    const told = await Promise.all([...together, ...(otherAtOnce ? [other] : [])].map((one) => this.isTold(one)));
    if (command.insists) {
      this.insisted.push(request);
      let known = told.some(Boolean);
      while (!known && !this.stopping) {
        await pause(ASK_AGAIN_MS);
        known = await this.isTold(request);
      }
    }
    if (command.manner === 'again') await this.isTold(request);
    if (other && !otherAtOnce) await this.isTold(other);
  }

  private async look(worker: number, at: Place): Promise<void> {
    const account = this.requests.accountAt(at);
    await this.history.read(account, () => this.requests.sessionOf(worker).call('GET', `/v1/accounts/${account}`));
  }

  /** Sends it, and says whether the client knows now what became of all that it asked for. */
  private async isTold({ key, asked, session, path, body, split }: Request): Promise<boolean> {
    const told = await this.history.invoke(asked, () => session.call('POST', path, body, { 'idempotency-key': key }), split);
    for (const invocation of told) this.requests.learn(invocation);
    return told.every(isDecided);
  }
}

/** Whether the client knows now: also if the key turned out to belong to another body. */
function isDecided({ verdict }: Invocation): boolean {
  return verdict === 'acknowledged' || verdict === 'refused' || verdict === 'reused';
}
