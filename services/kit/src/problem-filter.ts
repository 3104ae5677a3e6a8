import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { log } from './logging.ts';
import { Problem } from './problem.ts';
import { currentTrace } from './trace.ts';

/** Everything that a handler throws leaves as problem+json. What nobody foresaw is a 500 that says nothing of its cause, except in the log. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(cause: unknown, host: ArgumentsHost): void {
    sendProblem(host.switchToHttp().getResponse<FastifyReply>(), cause);
  }
}

export function sendProblem(reply: FastifyReply, cause: unknown): void {
  const problem = problemFrom(cause);
  if (problem.status === 500) log.error('a request failed unexpectedly', {}, cause);
  else if (problem.status > 500) log.warn(problem.title, { 'error.code': problem.code }, problem.cause);
  if (reply.sent || reply.raw.headersSent) return;
  reply
    .status(problem.status)
    .headers(problem.headers)
    .type('application/problem+json')
    .send(JSON.stringify(problem.body(currentTrace()?.traceId)));
}

const codes: Readonly<Record<number, [code: string, title: string]>> = {
  400: ['invalid_request', 'The request does not fit its description'],
  404: ['not_found', 'There is nothing here'],
  405: ['method_not_allowed', 'This method is not allowed here'],
  408: ['request_timeout', 'The request took too long to arrive'],
  413: ['too_large', 'The request is too large'],
  415: ['unsupported_media_type', 'This content type is not taken here'],
  503: ['unavailable', 'Not available at the moment'],
};

/** The problem of whatever was thrown: our own, Nest's and Fastify's exceptions by their status, a bug as 500. */
export function problemFrom(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  const status = cause instanceof HttpException ? cause.getStatus() : fastifyStatusOf(cause);
  const row = status === undefined ? undefined : codes[status];
  if (status === undefined || !row || status >= 500) {
    return new Problem({ status: 500, code: 'internal', title: 'Something went wrong on our side', cause });
  }
  const detail = status === 404 || !(cause instanceof Error) ? undefined : cause.message;
  return new Problem({ status, code: row[0], title: row[1], detail, cause });
}

function fastifyStatusOf(cause: unknown): number | undefined {
  if (!(cause instanceof Error) || !('statusCode' in cause) || typeof cause.statusCode !== 'number') return undefined;
  return 'code' in cause && String(cause.code).startsWith('FST_') ? cause.statusCode : undefined;
}
