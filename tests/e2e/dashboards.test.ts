import { randomUUID } from 'node:crypto';
import { expect, test } from '@playwright/test';
import { withoutData } from '../../dashboards/grafana/without-data.ts';
import type { ApiClient } from '../../platform/cli/api/client.ts';
import { DRAWN } from '../kit/budgets.ts';
import { annotationQuestions, findings, panelQuestions, type Finding, type Question } from '../kit/dashboards.ts';
import { Platform, type Person } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

test('a panel could be empty, or be refused by Prometheus', async () => {
  const business = await Business.open(platform);
  let open = panelsOf(panelQuestions());
  await within(DRAWN, 'something on every panel', async () => {
    await business.round();
    const answers = await findings(platform, open.flatMap(({ questions }) => questions));
    let next = 0;
    open = open.filter((panel) => {
      const own = answers.slice(next, next += panel.questions.length);
      const refused = own.find((finding) => finding.kind === 'error');
      expect(refused, `${panel.uid}: ${panel.title}`).toBeUndefined();
      return !shows(panel, own);
    });
    if (open.length > 0) throw new Error(open.map(({ uid, title }) => `${uid}: ${title}`).join('\n'));
    return true;
  });
});

test('what marks deploys, backups and failovers on the panels could be refused by Prometheus', async () => {
  const questions = [...new Map(annotationQuestions().map((question) => [question.expression, question])).values()];
  const answers = await findings(platform, questions);
  expect(answers.filter(({ kind }) => kind === 'error')).toEqual([]);
  const shown = questions.filter((_, index) => answers[index]?.kind === 'data').map(({ panel }) => panel);
  // Failovers and alerts are events, and perhaps there was none.
  expect(shown).toEqual(expect.arrayContaining(['annotation Started', 'annotation Backup']));
});

interface Panel { uid: string; title: string; questions: Question[] }

function panelsOf(questions: readonly Question[]): Panel[] {
  return [...Map.groupBy(questions, ({ dashboard, panel }) => `${dashboard} ${panel}`).values()].map((own) => ({ uid: own[0]!.dashboard, title: own[0]!.panel, questions: own }));
}

function shows({ uid, title }: Panel, answers: readonly Finding[]): boolean {
  const exception = withoutData.find((one) => one.uid === uid && one.panel === title)?.shows;
  const enough = { nothing: ['nothing', 'only zeros', 'data'], zero: ['only zeros', 'data'], data: ['data'] }[exception ?? 'data'];
  return answers.some(({ kind }) => enough.includes(kind));
}

/** Two people on different shards, and everything that the panels tell of, again and again: a rate wants two scrapes with something in between. */
class Business {
  private readonly people: readonly [Customer, Customer];
  private readonly operator: ApiClient;
  private readonly auditor: ApiClient;

  private constructor(people: readonly [Customer, Customer], operator: ApiClient, auditor: ApiClient) {
    this.people = people;
    this.operator = operator;
    this.auditor = auditor;
  }

  static async open(on: Platform): Promise<Business> {
    const first = await on.fundedCustomer(1_000_000n);
    const home = await isOnFirstShard(first.from);
    let second = await on.fundedCustomer(1_000_000n);
    while ((await isOnFirstShard(second.from)) === home) second = await on.fundedCustomer(1_000_000n);
    return new Business([first, second], await on.operator(), await on.auditor());
  }

  async round(): Promise<void> {
    const [one, other] = this.people;
    for (const person of [one, other]) {
      const key = randomUUID();
      const own = { from: person.from, to: person.to, amountMinor: 1n, currency: 'EUR' };
      expect((await person.client.transfer(own, key)).status).toBe(201);
      expect((await person.client.transfer(own, key)).status).toBe(201);
      expect((await person.client.transfer({ ...own, amountMinor: 10_000_000n })).status).toBe(422);
      const held = await person.client.hold(own);
      expect((await person.client.post(`/v1/holds/${held.body.id}/void`)).status).toBe(200);
      await person.client.must('GET', '/v1/reports/balances');
      await person.client.must('GET', '/v1/users/me');
      expect((await person.client.call('GET', '/v1/audit/entries')).status).toBe(403);
    }
    expect((await one.client.transfer({ from: one.from, to: other.to, amountMinor: 1n, currency: 'EUR' })).status).toBe(201);
    expect((await other.client.transfer({ from: other.from, to: one.to, amountMinor: 1n, currency: 'EUR' })).status).toBe(201);
    expect((await platform.visitor.call('GET', '/v1/accounts')).status).toBe(401);
    const { id } = await one.client.must<{ id: string }>('GET', '/v1/users/me');
    await this.operator.must('GET', `/v1/users/${id}`);
    await this.auditor.must('GET', '/v1/audit/entries');
    await platform.search('holdfast-logs', { size: 1 });
    // Nobody in particular: an account that is guessed at too often is locked.
    await expect(platform.visitor.signedIn(`nobody-${randomUUID()}@holdfast.internal`, 'a guess')).rejects.toThrow();
    await platform.visitor.signedIn(other.email, other.password);
  }
}

type Customer = Person & { from: string; to: string };

async function isOnFirstShard(account: string): Promise<boolean> {
  return (await platform.query('ledger0', 'ledger', `SELECT id FROM accounts WHERE id = '${account}'`)).length > 0;
}
