/**
 * What a client sees of a failure: RFC 9457 problem details. A refusal that a client can expect is a value (`refuse`), made into
 * a problem in one place (`answersFrom`); a `Problem` may be thrown where no value can be returned (guards, parsers, drivers).
 */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(options: {
    status: number;
    code: string;
    title: string;
    detail?: string | undefined;
    headers?: Readonly<Record<string, string>>;
    /** Members of this kind of problem, such as the list of faulty fields. */
    members?: Readonly<Record<string, unknown>>;
    cause?: unknown;
  }) {
    super(options.detail ?? options.title, { cause: options.cause });
    this.name = 'Problem';
    this.status = options.status;
    this.code = options.code;
    this.title = options.title;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
    this.members = options.members ?? {};
  }

  /** The body, of media type application/problem+json. */
  body(traceId: string | undefined): Record<string, unknown> {
    return {
      type: `urn:holdfast:problem:${this.code}`,
      title: this.title,
      status: this.status,
      code: this.code,
      ...(this.detail !== undefined && { detail: this.detail }),
      ...(traceId !== undefined && { trace_id: traceId }),
      ...this.members,
    };
  }
}

/** A refusal that the rules foresee. `Code` is a service's own enumeration. */
export interface Refusal<Code extends string = string> {
  readonly refused: Code;
  readonly detail?: string;
}

export function refuse<Code extends string>(code: Code, detail?: string): Refusal<Code> {
  return detail === undefined ? { refused: code } : { refused: code, detail };
}

export function isRefusal(outcome: unknown): outcome is Refusal {
  return typeof outcome === 'object' && outcome !== null && 'refused' in outcome;
}

/** One row a refusal of a service: the HTTP status and a title that does not change from case to case. */
export type ProblemTable<Code extends string> = Readonly<
  Record<Code, { status: number; title: string; retryAfter_s?: number }>
>;

/**
 * Makes the `answer` of a service from its table. `answer(outcome)` returns what succeeded and throws the problem of what was
 * refused; a code without a row does not compile.
 */
export function answersFrom<Code extends string>(table: ProblemTable<Code>) {
  return function answer<T>(outcome: T): Exclude<T, Refusal<Code>> {
    if (isRefusal(outcome)) throw problemOf(table, outcome as Refusal<Code>);
    return outcome as Exclude<T, Refusal<Code>>;
  };
}

export function problemOf<Code extends string>(table: ProblemTable<Code>, refusal: Refusal<Code>): Problem {
  const row = table[refusal.refused];
  return new Problem({
    status: row.status,
    code: refusal.refused,
    title: row.title,
    detail: refusal.detail,
    ...(row.retryAfter_s !== undefined && { headers: { 'retry-after': String(row.retryAfter_s) } }),
  });
}

/** Something we stand on is away; the same request may succeed soon. */
export function unavailable(code: string, title: string, options: { retryAfter_s?: number; cause?: unknown } = {}): Problem {
  return new Problem({
    status: 503,
    code,
    title,
    headers: { 'retry-after': String(options.retryAfter_s ?? 1) },
    cause: options.cause,
  });
}

/** The codes that any route of any service may answer with, the gateway before it included. */
export const commonCodes = [
  'invalid_request', 'ambiguous_path', 'unauthenticated', 'forbidden', 'client_certificate_needed', 'not_found', 'method_not_allowed', 'request_timeout', 'too_large',
  'unsupported_media_type', 'rate_limited', 'internal', 'unavailable', 'database_unavailable', 'database_timeout', 'identity_unavailable',
  'upstream_unavailable', 'upstream_lost', 'upstream_timeout',
] as const;
