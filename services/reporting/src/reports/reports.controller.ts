import { Caller, type CallerOf } from '@holdfast/kit/authentication';
import { Describe } from '@holdfast/kit/describe';
import { ParsedParams, ParsedQuery } from '@holdfast/kit/parsed';
import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Balances, Statement, StatementParams, StatementQuery } from './report.schema.ts';
import { answer, Reports } from './reports.ts';

@ApiTags('reports')
@Controller('v1/reports')
export class ReportsController {
  constructor(private readonly reports: Reports) {}

  @Get('balances')
  @Describe({ summary: "Balances of the caller's own accounts", responses: { 200: Balances } })
  showBalances(@Caller() caller: CallerOf): Promise<Balances> {
    return this.reports.balances(caller);
  }

  @Get('accounts/:id/statement')
  @Describe({ summary: 'The statement of an own account; of any, for an operator', params: StatementParams, query: StatementQuery, responses: { 200: Statement } })
  async showStatement(
    @Caller() caller: CallerOf,
    @ParsedParams(StatementParams) { id }: z.output<typeof StatementParams>,
    @ParsedQuery(StatementQuery) query: StatementQuery,
  ): Promise<Statement> {
    return answer(await this.reports.statement(caller, id, query));
  }
}
