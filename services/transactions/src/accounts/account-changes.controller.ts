import { Caller, Roles, type CallerOf } from '@holdfast/kit/authentication';
import { Parsed, ParsedParams } from '@holdfast/kit/parsed';
import { Controller, Headers, HttpCode, Post, Put, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { DescribeLedger } from '../describe-ledger.ts';
import { metadataText } from '../metadata.ts';
import { BookCash } from '../transfers/book-cash.ts';
import { idempotencyKeyOf } from '../transfers/idempotency.ts';
import { answer } from '../transfers/refusals.ts';
import { answerOf } from '../transfers/replayed.ts';
import { idempotencyKeyHeader, Transfer } from '../transfers/transfer.schema.ts';
import { Account, AccountParams, BookCashRequest, MetadataRequest, OverdraftLimitRequest } from './account.schema.ts';
import { ChangeAccount } from './change-account.ts';

type Params = z.output<typeof AccountParams>;

/** What is done to an account. Where no idempotency key is asked for, doing it again changes nothing. */
@ApiTags('accounts')
@Controller('v1/accounts/:id')
export class AccountChangesController {
  constructor(private readonly changes: ChangeAccount, private readonly cash: BookCash) {}

  @Post('freeze')
  @HttpCode(200)
  @Roles('operator')
  @DescribeLedger({ summary: 'Freeze an account: nothing is debited or credited any more', params: AccountParams, responses: { 200: Account } })
  async freezeAccount(@Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params): Promise<Account> {
    return answer(await this.changes.change(caller, id, 'freeze'));
  }

  @Post('unfreeze')
  @HttpCode(200)
  @Roles('operator')
  @DescribeLedger({ summary: 'Open a frozen account again', params: AccountParams, responses: { 200: Account } })
  async unfreezeAccount(@Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params): Promise<Account> {
    return answer(await this.changes.change(caller, id, 'unfreeze'));
  }

  @Post('close')
  @HttpCode(200)
  @Roles('customer', 'operator')
  @DescribeLedger({ summary: 'Close an account for good: an own one, or any for an operator. Its balance must be zero, and nothing held', params: AccountParams, responses: { 200: Account } })
  async closeAccount(@Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params): Promise<Account> {
    return answer(await this.changes.change(caller, id, 'close'));
  }

  @Put('overdraft-limit')
  @Roles('operator')
  @DescribeLedger({ summary: 'Set how far below zero an account may go', params: AccountParams, body: OverdraftLimitRequest, responses: { 200: Account } })
  async setOverdraftLimit(
    @Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params, @Parsed(OverdraftLimitRequest) request: OverdraftLimitRequest,
  ): Promise<Account> {
    return answer(await this.changes.change(caller, id, 'overdraft_limit', { limitMinor: request.overdraft_limit }));
  }

  @Put('metadata')
  @Roles('customer', 'operator')
  @DescribeLedger({ summary: 'Replace the metadata of an account', params: AccountParams, body: MetadataRequest, responses: { 200: Account } })
  async setMetadata(@Caller() caller: CallerOf, @ParsedParams(AccountParams) { id }: Params, @Parsed(MetadataRequest) request: MetadataRequest): Promise<Account> {
    return answer(await this.changes.change(caller, id, 'metadata', { metadata: metadataText(request.metadata ?? undefined) }));
  }

  @Post('deposits')
  @Roles('operator')
  @DescribeLedger({ summary: 'Book money that has come in from outside', params: AccountParams, body: BookCashRequest, headers: idempotencyKeyHeader, responses: { 201: Transfer } })
  async deposit(
    @Caller() caller: CallerOf,
    @Headers('idempotency-key') key: string | undefined,
    @ParsedParams(AccountParams) { id }: Params,
    @Parsed(BookCashRequest) request: BookCashRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Transfer> {
    return answerOf(await this.cash.book('deposit', caller, answer(idempotencyKeyOf(key)), id, request), reply);
  }

  @Post('withdrawals')
  @Roles('operator')
  @DescribeLedger({ summary: 'Book money that has gone out', params: AccountParams, body: BookCashRequest, headers: idempotencyKeyHeader, responses: { 201: Transfer } })
  async withdraw(
    @Caller() caller: CallerOf,
    @Headers('idempotency-key') key: string | undefined,
    @ParsedParams(AccountParams) { id }: Params,
    @Parsed(BookCashRequest) request: BookCashRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Transfer> {
    return answerOf(await this.cash.book('withdrawal', caller, answer(idempotencyKeyOf(key)), id, request), reply);
  }
}
