import { applyDecorators } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiHeader, ApiOperation, ApiParam, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';
import { commonCodes } from './problem.ts';

type SchemaObject = Record<string, unknown>;

export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly body?: z.ZodType;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: Readonly<Record<string, { description: string; required?: boolean }>>;
  /** Status -> schema of the answer, or what the status means if it has no body. */
  readonly responses: Readonly<Record<number, z.ZodType | string>>;
  /** The codes of a service's own refusals. With them, the description lists every code there is; without, it leaves the list open. */
  readonly codes?: readonly string[];
  /** Open to everybody: no bearer token in the description. */
  readonly public?: true;
}

/** The OpenAPI of a route, made from the schemas that parse it. Failures are problem+json, described once for all. */
export function Describe(operation: Operation): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ApiOperation({ summary: operation.summary, ...(operation.description !== undefined && { description: operation.description }) }),
    ...(operation.body ? [ApiBody({ required: true, schema: schemaOf(operation.body) })] : []),
    ...members(operation.params).map(([name, schema]) => ApiParam({ name, schema: schemaOf(schema) })),
    ...members(operation.query).map(([name, schema]) => ApiQuery({ name, required: !schema.safeParse(undefined).success, schema: schemaOf(schema) })),
    ...Object.entries(operation.headers ?? {}).map(([name, header]) => ApiHeader({ name, required: false, ...header })),
    ...Object.entries(operation.responses).map(([status, response]) =>
      typeof response === 'string'
        ? ApiResponse({ status: Number(status), description: response })
        : ApiResponse({ status: Number(status), description: response.description ?? operation.summary, schema: schemaOf(response) })),
    ApiResponse({ status: 'default', description: 'RFC 9457 problem details', content: { 'application/problem+json': { schema: problemSchema(operation.codes) } } }),
    ...(operation.public ? [] : [ApiBearerAuth()]),
  );
}

function problemSchema(codes: readonly string[] | undefined) {
  return {
    type: 'object',
    required: ['type', 'title', 'status', 'code'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      code: { type: 'string', description: 'Stable, for programs', ...(codes && { enum: [...codes, ...commonCodes] }) },
      detail: { type: 'string' },
      errors: { type: 'array', description: 'Of `invalid_request`: every fault', items: { type: 'object', properties: { path: { type: 'string' }, message: { type: 'string' } } } },
      trace_id: { type: 'string' },
    },
  };
}

function members(schema: z.ZodObject | undefined): [string, z.ZodType][] {
  return schema ? (Object.entries(schema.shape) as [string, z.ZodType][]) : [];
}

/** What travels: of a schema that parses "1250" into a bigint, that is the string. */
function schemaOf(schema: z.ZodType): SchemaObject {
  const { $defs, definitions, ...root } = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', unrepresentable: 'any' }) as SchemaObject;
  return inlined(root, (definitions ?? $defs ?? {}) as Record<string, SchemaObject>) as SchemaObject;
}

/** Named schemas would become references into a place that an OpenAPI document does not have: they are written out instead. */
function inlined(value: unknown, definitions: Readonly<Record<string, SchemaObject>>): unknown {
  if (Array.isArray(value)) return value.map((item) => inlined(item, definitions));
  if (typeof value !== 'object' || value === null) return value;
  const { $ref, ...rest } = value as SchemaObject;
  const named = typeof $ref === 'string' ? definitions[$ref.split('/').at(-1) ?? ''] : undefined;
  if (named) return inlined({ ...named, ...rest }, definitions);
  return Object.fromEntries(Object.entries(value).filter(([key, inner]) => key !== 'id' || typeof inner !== 'string').map(([key, inner]) => [key, inlined(inner, definitions)]));
}
