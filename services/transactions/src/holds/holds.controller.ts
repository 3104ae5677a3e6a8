import { Caller, Roles, type CallerOf } from '@holdfast/kit/authentication';
import { Parsed, ParsedParams } from '@holdfast/kit/parsed';
import { Controller, Get, Headers, HttpCode, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { DescribeLedger } from '../describe-ledger.ts';
import { idempotencyKeyOf } from '../transfers/idempotency.ts';
import { answer } from '../transfers/refusals.ts';
import { answerOf } from '../transfers/replayed.ts';
import { idempotencyKeyHeader, Transfer } from '../transfers/transfer.schema.ts';
import { CaptureHold } from './capture-hold.ts';
import { CaptureRequest, Hold, HoldParams, PlaceHoldRequest } from './hold.schema.ts';
import { Holds } from './holds.ts';
import { PlaceHold } from './place-hold.ts';
import { VoidHold } from './void-hold.ts';

type Params = z.output<typeof HoldParams>;

@ApiTags('holds')
@Controller('v1/holds')
export class HoldsController {
  constructor(
    private readonly placing: PlaceHold,
    private readonly holds: Holds,
    private readonly capturing: CaptureHold,
    private readonly voiding: VoidHold,
  ) {}

  @Post()
  @Roles('customer', 'operator')
  @DescribeLedger({ summary: 'Hold money of an own account for somebody', body: PlaceHoldRequest, headers: idempotencyKeyHeader, responses: { 201: Hold } })
  async placeHold(
    @Caller() caller: CallerOf,
    @Headers('idempotency-key') key: string | undefined,
    @Parsed(PlaceHoldRequest) request: PlaceHoldRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Hold> {
    return answerOf(await this.placing.place(caller, answer(idempotencyKeyOf(key)), request), reply);
  }

  @Get(':id')
  @DescribeLedger({ summary: 'A hold, for its payer and its payee', params: HoldParams, responses: { 200: Hold } })
  async showHold(@Caller() caller: CallerOf, @ParsedParams(HoldParams) { id }: Params): Promise<Hold> {
    return answer(await this.holds.show(caller, id));
  }

  @Post(':id/capture')
  @Roles('customer', 'operator')
  @DescribeLedger({
    summary: 'Take what is held, or some of it: for the owner of the credit account, and for operators',
    params: HoldParams, body: CaptureRequest, headers: idempotencyKeyHeader, responses: { 201: Transfer, 202: Transfer },
  })
  async captureHold(
    @Caller() caller: CallerOf,
    @Headers('idempotency-key') key: string | undefined,
    @ParsedParams(HoldParams) { id }: Params,
    @Parsed(CaptureRequest) request: CaptureRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Transfer> {
    return answerOf(await this.capturing.capture(caller, answer(idempotencyKeyOf(key)), id, request), reply);
  }

  @Post(':id/void')
  @HttpCode(200)
  @Roles('customer', 'operator')
  @DescribeLedger({
    summary: 'Let go of what is held: for the owner of the credit account, and for operators', params: HoldParams, headers: idempotencyKeyHeader, responses: { 200: Hold },
  })
  async voidHold(
    @Caller() caller: CallerOf,
    @Headers('idempotency-key') key: string | undefined,
    @ParsedParams(HoldParams) { id }: Params,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Hold> {
    return answerOf(await this.voiding.void(caller, answer(idempotencyKeyOf(key)), id), reply);
  }
}
