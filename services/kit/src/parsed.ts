import { Body, createParamDecorator, Param, Query } from '@nestjs/common';
import type { ExecutionContext, PipeTransform } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Problem } from './problem.ts';

/** Every zod schema is one. So is what chooses among several by looking at the value first. */
export interface Parser<T> {
  safeParse(value: unknown): z.ZodSafeParseResult<T>;
}

/** Parses what came in, once: inside, there are only the schema's types. Faults become one 400 problem that lists all of them. */
export class SchemaPipe implements PipeTransform {
  constructor(private readonly schema: Parser<unknown>) {}

  transform(value: unknown): unknown {
    return parse(this.schema, value);
  }
}

export function parse<T>(schema: Parser<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Problem({
    status: 400,
    code: 'invalid_request',
    title: 'The request does not fit its description',
    detail: result.error.issues.map((issue) => `${issue.path.join('.') || 'request'}: ${issue.message}`).join('; '),
    members: { errors: result.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })) },
  });
}

/** `@Parsed(OpenAccount) request: OpenAccount`: the body. */
export const Parsed = (schema: Parser<unknown>): ParameterDecorator => Body(new SchemaPipe(schema));
export const ParsedQuery = (schema: Parser<unknown>): ParameterDecorator => Query(new SchemaPipe(schema));
export const ParsedParams = (schema: Parser<unknown>): ParameterDecorator => Param(new SchemaPipe(schema));

/** One header, such as `@ParsedHeader('Idempotency-Key', IdempotencyKey) key: string`. */
export const ParsedHeader = (name: string, schema: Parser<unknown>): ParameterDecorator =>
  createParamDecorator((_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().headers[name.toLowerCase()])(
    new SchemaPipe(schema),
  );
