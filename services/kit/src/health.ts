import { Controller, Get, Injectable, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { HealthCheckResult, HealthIndicatorFunction } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Public } from './authentication.ts';

const CHECK_TIMEOUT_MS = 2_000;

/** What a service says of itself. Modules register their checks in their constructor. */
@Injectable()
export class HealthChecks {
  private readonly indicators: HealthIndicatorFunction[] = [];
  private draining = false;

  constructor(private readonly indicator: HealthIndicatorService) {
    this.indicators.push(() => {
      const service = this.indicator.check('service');
      return this.draining ? service.down({ message: 'stopping' }) : service.up();
    });
  }

  /** Something that a request cannot do without: readiness fails with it. The check throws, or takes too long, to say no. */
  require(name: string, check: () => Promise<void> | void): void {
    this.indicators.push(async () => {
      const trouble = await troubleOf(check);
      return trouble === undefined ? this.indicator.check(name).up() : this.indicator.check(name).down({ message: trouble });
    });
  }

  /** Something whose absence is shown and harms no request. The check returns what is wrong, if anything is. */
  observe(name: string, trouble: () => Promise<string | undefined> | string | undefined): void {
    this.indicators.push(async () => {
      let message: string | undefined;
      const failure = await troubleOf(async () => { message = await trouble(); });
      message = failure ?? message;
      return this.indicator.check(name).up(message === undefined ? {} : { degraded: true, message });
    });
  }

  /** From now on readiness says no, so that callers go elsewhere while the last requests are served. */
  drain(): void {
    this.draining = true;
  }

  isDraining(): boolean {
    return this.draining;
  }

  all(): HealthIndicatorFunction[] {
    return this.indicators;
  }
}

@ApiExcludeController()
@Public()
@Controller('health')
export class HealthController {
  constructor(private readonly checks: HealthChecks, private readonly health: HealthCheckService) {}

  /** The event loop turns: enough to not be restarted. */
  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthCheckResult> {
    try {
      return await this.health.check(this.checks.all());
    } catch (cause) {
      // Terminus throws its result as a 503: it is the answer here, not a problem.
      const result = (cause as { getResponse?: () => unknown }).getResponse?.();
      if (typeof result !== 'object' || result === null || !('details' in result)) throw cause;
      reply.status(503);
      return result as HealthCheckResult;
    }
  }
}

async function troubleOf(check: () => Promise<void> | void): Promise<string | undefined> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  try {
    await Promise.race([check(), late.promise]);
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  } finally {
    clearTimeout(timer);
  }
}
