import { Caller, Roles, type CallerOf } from '@holdfast/kit/authentication';
import { Parsed, ParsedParams } from '@holdfast/kit/parsed';
import { Controller, Get, Headers, HttpCode, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { DescribeLedger } from '../describe-ledger.ts';
import { idempotencyKeyOf } from './idempotency.ts';
import { PostBatch } from './post-batch.ts';
import { PostTransfer } from './post-transfer.ts';
import { answer } from './refusals.ts';
import { answerOf } from './replayed.ts';
import { ReverseTransfer } from './reverse-transfer.ts';
import { ShowTransfer } from './show-transfer.ts';
import { BatchAnswer, idempotencyKeyHeader, PostBatchBody, PostBatchRequest, PostTransferBody, PostTransferRequest, ReverseRequest, Transfer, TransferParams } from './transfer.schema.ts';

type Params = z.output<typeof TransferParams>;

@ApiTags('transfers')
@Controller('v1/transfers')
export class TransfersController {
  constructor(
    private readonly transfers: PostTransfer,
    private readonly batches: PostBatch,
    private readonly reversals: ReverseTransfer,
    private readonly shown: ShowTransfer,
  ) {}

  @Post()
  @Roles('customer', 'operator')
  @DescribeLedger({
    summary: 'Transfer money from an own account to any other in the same currency, or between 2 to 50 accounts at once',
    body: PostTransferBody,
    headers: idempotencyKeyHeader,
    responses: { 201: Transfer, 202: Transfer },
  })
  async postTransfer(
    @Caller() caller: CallerOf,
    @Headers('idempotency-key') key: string | undefined,
    @Parsed(PostTransferRequest) request: PostTransferRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Transfer> {
    return answerOf(await this.transfers.post(caller, answer(idempotencyKeyOf(key)), request), reply);
  }

  @Post('batch')
  @HttpCode(200)
  @Roles('customer', 'operator')
  @DescribeLedger({
    summary: 'Up to 1,000 transfers, each with its own idempotency key and outcome',
    description: 'The answer is 200 whatever becomes of the items. A refused or faulty one does not touch the others, and their order says nothing of the order '
      + 'in which they are posted. Repeat the request as it was to learn what became of it: an `Idempotency-Key` header lets the gateway do so, too.',
    body: PostBatchBody,
    responses: { 200: BatchAnswer },
  })
  async postBatch(@Caller() caller: CallerOf, @Parsed(PostBatchRequest) request: PostBatchRequest): Promise<BatchAnswer> {
    return answer(await this.batches.post(caller, request));
  }

  @Get(':id')
  @DescribeLedger({ summary: 'A transfer, for its parties', params: TransferParams, responses: { 200: Transfer } })
  async showTransfer(@Caller() caller: CallerOf, @ParsedParams(TransferParams) { id }: Params): Promise<Transfer> {
    return answer(await this.shown.show(caller, id));
  }

  @Post(':id/reverse')
  @Roles('customer', 'operator')
  @DescribeLedger({
    summary: 'Take a transfer back, whole and once: for operators, and for who was credited',
    params: TransferParams, body: ReverseRequest, headers: idempotencyKeyHeader, responses: { 201: Transfer, 202: Transfer },
  })
  async reverseTransfer(
    @Caller() caller: CallerOf,
    @Headers('idempotency-key') key: string | undefined,
    @ParsedParams(TransferParams) { id }: Params,
    @Parsed(ReverseRequest) request: ReverseRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Transfer> {
    return answerOf(await this.reversals.reverse(caller, answer(idempotencyKeyOf(key)), id, request), reply);
  }
}
