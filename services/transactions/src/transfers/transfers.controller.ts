import { Caller, Roles, type CallerOf } from '@holdfast/kit/authentication';
import { Describe } from '@holdfast/kit/describe';
import { Parsed, ParsedParams } from '@holdfast/kit/parsed';
import { Controller, Get, Headers, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { idempotencyKeyOf } from './idempotency.ts';
import { PostTransfer } from './post-transfer.ts';
import { answer } from './refusals.ts';
import { idempotencyKeyHeader, PostTransferRequest, Transfer, TransferParams } from './transfer.schema.ts';

@ApiTags('transfers')
@Controller('v1/transfers')
export class TransfersController {
  constructor(private readonly transfers: PostTransfer) {}

  @Post()
  @Roles('customer', 'operator')
  @Describe({
    summary: 'Transfer money from an own account to any other in the same currency',
    body: PostTransferRequest,
    headers: idempotencyKeyHeader,
    responses: { 201: Transfer },
  })
  async postTransfer(
    @Caller() caller: CallerOf,
    @Headers('idempotency-key') key: string | undefined,
    @Parsed(PostTransferRequest) request: PostTransferRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Transfer> {
    const { body, replayed } = answer(await this.transfers.post(caller, answer(idempotencyKeyOf(key)), request));
    if (replayed) reply.header('idempotency-replayed', 'true');
    return body;
  }

  @Get(':id')
  @Describe({ summary: 'A transfer, for its two parties', params: TransferParams, responses: { 200: Transfer } })
  async showTransfer(@Caller() caller: CallerOf, @ParsedParams(TransferParams) { id }: z.output<typeof TransferParams>): Promise<Transfer> {
    return answer(await this.transfers.show(caller, id));
  }
}
