import { Caller, Roles, type CallerOf } from '@holdfast/kit/authentication';
import { Describe } from '@holdfast/kit/describe';
import { Parsed, ParsedParams, ParsedQuery } from '@holdfast/kit/parsed';
import { Controller, Get, Headers, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { Deposit } from '../transfers/deposit.ts';
import { idempotencyKeyOf } from '../transfers/idempotency.ts';
import { answer } from '../transfers/refusals.ts';
import { idempotencyKeyHeader, Transfer } from '../transfers/transfer.schema.ts';
import { Account, AccountParams, Accounts as AccountsPage, DepositRequest, Entries, OpenAccountRequest, Page } from './account.schema.ts';
import { Accounts } from './accounts.ts';

type Params = z.output<typeof AccountParams>;

@ApiTags('accounts')
@Controller('v1/accounts')
export class AccountsController {
  constructor(private readonly accounts: Accounts, private readonly deposits: Deposit) {}

  @Post()
  @Roles('customer', 'operator')
  @Describe({ summary: 'Open an account', body: OpenAccountRequest, responses: { 201: Account } })
  openAccount(@Caller() caller: CallerOf, @Parsed(OpenAccountRequest) request: OpenAccountRequest): Promise<Account> {
    return this.accounts.open(caller, request);
  }

  @Get()
  @Describe({ summary: "The caller's own accounts, oldest first", query: Page, responses: { 200: AccountsPage } })
  async listAccounts(@Caller() caller: CallerOf, @ParsedQuery(Page) page: Page): Promise<z.output<typeof AccountsPage>> {
    return answer(await this.accounts.listOwn(caller, page));
  }

  @Get(':id')
  @Describe({ summary: 'An own account; any, for an operator', params: AccountParams, responses: { 200: Account } })
  async showAccount(@Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params): Promise<Account> {
    return answer(await this.accounts.show(caller, id));
  }

  @Get(':id/entries')
  @Describe({ summary: 'The entries of an account, newest first', params: AccountParams, query: Page, responses: { 200: Entries } })
  async listEntries(
    @Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params, @ParsedQuery(Page) page: Page,
  ): Promise<z.output<typeof Entries>> {
    return answer(await this.accounts.entries(caller, id, page));
  }

  @Post(':id/deposits')
  @Roles('operator')
  @Describe({
    summary: 'Book money that has come in from outside', params: AccountParams, body: DepositRequest, headers: idempotencyKeyHeader, responses: { 201: Transfer },
  })
  async deposit(
    @Caller() caller: CallerOf,
    @Headers('idempotency-key') key: string | undefined,
    @ParsedParams(AccountParams) { id }: Params,
    @Parsed(DepositRequest) request: DepositRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Transfer> {
    const { body, replayed } = answer(await this.deposits.post(caller, answer(idempotencyKeyOf(key)), id, request));
    if (replayed) reply.header('idempotency-replayed', 'true');
    return body;
  }
}
