import type { LoggerService } from '@nestjs/common';
import { Writable } from 'node:stream';
import winston from 'winston';
import { errorText, redact, redactText } from './redaction.ts';
import { currentScope } from './trace.ts';

export type Fields = Readonly<Record<string, unknown>>;

let service = 'holdfast';

// Field names follow the Elastic Common Schema (https://www.elastic.co/guide/en/ecs/current/), so that Kibana knows them.
const ecs = winston.format((info) => {
  const { level, message, ...fields } = info;
  const scope = currentScope();
  const line: Record<string, unknown> = {
    '@timestamp': new Date().toISOString(),
    'log.level': level,
    'message': redactText(String(message)),
    'service.name': service,
    ...(scope && { 'trace.id': scope.trace.traceId, 'span.id': scope.trace.spanId }),
    ...(scope?.subject !== undefined && { 'user.id': scope.subject }),
    ...(scope?.requestId !== undefined && { 'http.request.id': scope.requestId }),
    ...(redact(fields) as Record<string, unknown>),
  };
  info[Symbol.for('message')] = JSON.stringify(line);
  return info;
});

/**
 * Lines of one turn of the event loop leave in one write: under load that is dozens of requests, and a write to a pipe costs as much as making
 * the line. Nothing waits for a timer, and nothing is held back when the process ends by itself.
 */
class Gathered extends Writable {
  private lines: string[] = [];
  private readonly target: Writable;

  constructor(target: Writable) {
    super({ decodeStrings: false, highWaterMark: 1_048_576 });
    this.target = target;
  }

  override _write(line: string, _encoding: BufferEncoding, done: () => void): void {
    if (this.lines.push(line) === 1) setImmediate(() => this.flush());
    done();
  }

  flush(): void {
    if (this.lines.length === 0) return;
    this.target.write(this.lines.join(''));
    this.lines = [];
  }
}

const output = new Gathered(process.stdout);
// Also where the process ends by `process.exit`: standard output is a pipe or a file, to which Node writes at once.
process.on('exit', () => output.flush());

const winstonLogger = winston.createLogger({
  level: 'info',
  format: ecs(),
  transports: [new winston.transports.Stream({ stream: output })],
});

/** Called once by `serve`, before anything is logged. */
export function configureLogging(options: { service: string; level: string; stream?: Writable }): void {
  service = options.service;
  winstonLogger.level = options.level;
  if (options.stream) winstonLogger.clear().add(new winston.transports.Stream({ stream: options.stream }));
}

function errorFields(cause: unknown): Fields {
  if (cause === undefined) return {};
  if (!(cause instanceof Error)) return { 'error.message': String(cause) };
  const code = (cause as { code?: unknown }).code;
  return {
    'error.type': cause.name,
    'error.message': errorText(cause, cause.message || String(code ?? '')),
    ...(code !== undefined && { 'error.code': String(code) }),
    ...(cause.stack !== undefined && { 'error.stack_trace': errorText(cause, cause.stack) }),
  };
}

/** The one way to log. Names of fields are ECS names with dots; no personal data, ever: a subject id is enough. */
export const log = {
  debug: (message: string, fields: Fields = {}): void => void winstonLogger.debug(message, fields),
  info: (message: string, fields: Fields = {}): void => void winstonLogger.info(message, fields),
  warn: (message: string, fields: Fields = {}, cause?: unknown): void => void winstonLogger.warn(message, { ...fields, ...errorFields(cause) }),
  error: (message: string, fields: Fields = {}, cause?: unknown): void => void winstonLogger.error(message, { ...fields, ...errorFields(cause) }),
  /** A level below error is asked for in hot paths before the fields are made. */
  isDebugging: (): boolean => winstonLogger.isDebugEnabled(),
};

/** Nest's own lines through the same door. */
export class NestLog implements LoggerService {
  log(message: unknown, context?: string): void {
    log.debug(String(message), logger(context));
  }
  error(message: unknown, stack?: string, context?: string): void {
    log.error(String(message), { ...logger(context), ...(stack !== undefined && { 'error.stack_trace': stack }) });
  }
  warn(message: unknown, context?: string): void {
    log.warn(String(message), logger(context));
  }
  debug(message: unknown, context?: string): void {
    log.debug(String(message), logger(context));
  }
  verbose(message: unknown, context?: string): void {
    log.debug(String(message), logger(context));
  }
}

function logger(context: string | undefined): Fields {
  return context === undefined ? {} : { 'log.logger': context };
}
