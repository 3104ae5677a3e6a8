import { Controller, Get, Injectable, Res, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { PrometheusController } from '@willsoto/nestjs-prometheus';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TLSSocket } from 'node:tls';
import * as prometheus from 'prom-client';
import { Public } from './authentication.ts';
import { Problem } from './problem.ts';

/** Rate, errors and duration of every route, by its template: raw paths would make a time series an account. */
export const requestDuration = new prometheus.Histogram({
  name: 'http_server_request_duration_seconds',
  help: 'Duration of HTTP requests by method, route template and status',
  labelNames: ['method', 'route', 'status'] as const,
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});

/** A counter of a service's own. Names end in `_total`. */
export function counter<const Label extends string>(name: string, help: string, labels: readonly Label[] = []): prometheus.Counter<Label> {
  return new prometheus.Counter({ name, help, labelNames: [...labels] });
}

/** A value that is asked for when Prometheus looks. */
export function gauge<const Label extends string>(name: string, help: string, labels: readonly Label[] = [], collect?: () => void): prometheus.Gauge<Label> {
  return new prometheus.Gauge({ name, help, labelNames: [...labels], ...(collect && { collect }) });
}

export function histogram<const Label extends string>(name: string, help: string, labels: readonly Label[], buckets: readonly number[]): prometheus.Histogram<Label> {
  return new prometheus.Histogram({ name, help, labelNames: [...labels], buckets: [...buckets] });
}

/** Passes a peer that showed a certificate of our own CA. The listener asks everybody for one and demands it of nobody else. */
@Injectable()
export class PeerCertificateGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const socket = context.switchToHttp().getRequest<FastifyRequest>().raw.socket as Partial<TLSSocket>;
    if (socket.authorized === true) return true;
    throw new Problem({ status: 403, code: 'client_certificate_needed', title: 'A client certificate of the platform is needed' });
  }
}

@ApiExcludeController()
@Public()
@UseGuards(PeerCertificateGuard)
@Controller('metrics')
export class MetricsController extends PrometheusController {
  @Get()
  override async index(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return super.index(reply);
  }
}
