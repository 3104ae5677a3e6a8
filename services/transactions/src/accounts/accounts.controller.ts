import { Caller, Roles, type CallerOf } from '@holdfast/kit/authentication';
import { Parsed, ParsedParams, ParsedQuery } from '@holdfast/kit/parsed';
import { Controller, Get, Headers, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { DescribeLedger } from '../describe-ledger.ts';
import { idempotencyKeyOf } from '../transfers/idempotency.ts';
import { answer } from '../transfers/refusals.ts';
import { answerOf } from '../transfers/replayed.ts';
import { AccountHistory } from './account-history.ts';
import { Account, AccountParams, Accounts as AccountsPage, Balance, BalanceQuery, Entries, OpenAccountRequest, Page, Statement, StatementQuery } from './account.schema.ts';
import { Accounts } from './accounts.ts';

type Params = z.output<typeof AccountParams>;

const optionalKey = {
  'Idempotency-Key': { description: 'With it, a repeat answers with the account of the first request instead of opening another. 1 to 255 printable ASCII characters' },
};

@ApiTags('accounts')
@Controller('v1/accounts')
export class AccountsController {
  constructor(private readonly accounts: Accounts, private readonly history: AccountHistory) {}

  @Post()
  @Roles('customer', 'operator')
  @DescribeLedger({ summary: 'Open an account', body: OpenAccountRequest, headers: optionalKey, responses: { 201: Account } })
  async openAccount(
    @Caller() caller: CallerOf,
    @Headers('idempotency-key') key: string | undefined,
    @Parsed(OpenAccountRequest) request: OpenAccountRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Account> {
    return answerOf(await this.accounts.open(caller, key === undefined ? undefined : answer(idempotencyKeyOf(key)), request), reply);
  }

  @Get()
  @DescribeLedger({ summary: "The caller's own accounts, oldest first", query: Page, responses: { 200: AccountsPage } })
  async listAccounts(@Caller() caller: CallerOf, @ParsedQuery(Page) page: Page): Promise<AccountsPage> {
    return answer(await this.accounts.listOwn(caller, page));
  }

  @Get(':id')
  @DescribeLedger({ summary: 'An own account; any, for an operator', params: AccountParams, responses: { 200: Account } })
  async showAccount(@Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params): Promise<Account> {
    return answer(await this.accounts.show(caller, id));
  }

  @Get(':id/balance')
  @DescribeLedger({ summary: 'The balance of an account, now or as of a past instant', params: AccountParams, query: BalanceQuery, responses: { 200: Balance } })
  async showBalance(@Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params, @ParsedQuery(BalanceQuery) query: BalanceQuery): Promise<Balance> {
    return answer(await this.history.balance(caller, id, query));
  }

  @Get(':id/entries')
  @DescribeLedger({ summary: 'The entries of an account, newest first', params: AccountParams, query: Page, responses: { 200: Entries } })
  async listEntries(@Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params, @ParsedQuery(Page) page: Page): Promise<Entries> {
    return answer(await this.history.entries(caller, id, page));
  }

  @Get(':id/statement')
  @DescribeLedger({
    summary: 'A statement over a period: opening balance, lines, closing balance', params: AccountParams, query: StatementQuery, responses: { 200: Statement },
  })
  async showStatement(@Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params, @ParsedQuery(StatementQuery) query: StatementQuery): Promise<Statement> {
    return answer(await this.history.statement(caller, id, query));
  }
}
